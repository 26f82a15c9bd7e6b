// How a role ends within a bound, so that the process is gone when it was told to be.
import { messageOf } from './errors.ts'
import { pause } from './lifecycle.ts'
import type { Logger } from './logger.ts'

/** True when `work` has ended within `ms`; it goes on by itself otherwise. Rejects when `work` does so in time. */
export const endsWithin = async (ms: number, work: Promise<unknown>): Promise<boolean> => {
  const over = new AbortController()
  const ended = work.then(() => true)
  ended.catch(() => undefined)
  try {
    return await Promise.race([ended, pause(ms, over.signal).then(() => false)])
  } finally {
    over.abort()
  }
}

/** A process is told to stop and is gone 10 s later: this is left for its roles, the rest for what they share. */
export const STOP_MS = 8_000
/** Of it for the batch in hand, so that there is time to leave the group and to give up leases whatever became of it. */
const BATCH_MS = 6_000
const LEAST_STEP_MS = 250

export interface StopStep {
  readonly what: string
  readonly end: () => Promise<unknown>
}

/**
 * Ends a role step by step, the batch in hand first. A step that takes too long or fails is left behind with a log line: what it
 * did not commit is delivered again (invariant 2). Never rejects.
 */
export const stopInOrder = async (role: string, log: Logger, steps: readonly StopStep[]): Promise<void> => {
  const startedAt = performance.now()
  for (const [n, { what, end }] of steps.entries()) {
    const restMs = startedAt + (n === 0 ? BATCH_MS : STOP_MS) - performance.now()
    try {
      if (await endsWithin(Math.max(restMs, LEAST_STEP_MS), end())) continue
      log.warn({ role, what }, 'took too long to stop, left behind; what is not committed is delivered again')
    } catch (error) {
      log.debug({ role, what, reason: messageOf(error) }, 'did not stop cleanly')
    }
  }
}
