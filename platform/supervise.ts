// Keeps a role running: starts it again after a crash, waits while a service is away, ends it when it is stuck or told to stop.
import { messageOf, SynclineError } from './errors.ts'
import type { RoleHealth } from './health.ts'
import { backoffMs, type PersistOptions, pause, type Role } from './lifecycle.ts'
import type { Logger } from './logger.ts'
import { endsWithin, STOP_MS } from './stopping.ts'

/** For what is left to do after all steps of a role's stop. */
const SLACK_MS = 500
const MAX_CRASHES = 5
const CRASH_WINDOW_MS = 5 * 60_000

/** A role that ran this long before a service went away has been well: the outage is a new one, to be told. */
const WELL_AFTER_MS = 30_000

export interface SuperviseOptions extends Pick<PersistOptions, 'log' | 'signal' | 'isAway'> {
  /** Told what the role is at; a role that it finds stuck is ended and started again like one that crashed. */
  readonly health?: RoleHealth
  /** The service whose absence an error tells of. */
  readonly serviceOf?: (error: unknown) => string | undefined
}

/**
 * Keeps one role running until the signal aborts. A role that ends because a service is away is started again until it is back;
 * any other end is a crash: throws after 5 of them in 5 minutes, naming the last reason.
 */
export const supervise = async (make: () => Role, options: SuperviseOptions): Promise<void> => {
  const { log, signal, isAway, health } = options
  const crashes: number[] = []
  let outages = 0
  let back: (() => void) | undefined
  const isUp = () => {
    back?.()
    back = undefined
    health?.started()
  }
  while (!signal.aborted) {
    const startedAt = performance.now()
    try {
      health?.starting()
      return await runUntilAborted(make(), isUp, options)
    } catch (error) {
      if (signal.aborted) return
      if (performance.now() - startedAt > WELL_AFTER_MS) outages = 0
      if (isAway(error)) {
        if (outages++ === 0) log.warn({ reason: messageOf(error) }, 'a service is away, waiting for it')
        back ??= health?.away(options.serviceOf?.(error) ?? 'a service')
        await pause(backoffMs(outages, { maxMs: 5_000 }), signal)
        continue
      }
      crashes.push(performance.now())
      while (crashes[0] !== undefined && crashes[0] < performance.now() - CRASH_WINDOW_MS) crashes.shift()
      log.error({ crashes: crashes.length, reason: messageOf(error), stack: stackOf(error) }, 'role crashed')
      if (crashes.length >= MAX_CRASHES) {
        health?.lost(messageOf(error))
        throw new SynclineError('internal', `A worker role crashed ${MAX_CRASHES} times in 5 minutes: ${messageOf(error)}`, {
          cause: error,
          remedy: 'Read the log lines above, mend the cause and start the worker again; nothing is lost.',
        })
      }
      await pause(backoffMs(crashes.length, { baseMs: 500 }), signal)
    }
  }
}

const stackOf = (error: unknown): string | undefined => (error instanceof Error ? error.stack : undefined)

const runUntilAborted = async (role: Role, isUp: () => void, { log, signal, health }: SuperviseOptions): Promise<void> => {
  const ended = new AbortController()
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true, signal: ended.signal })
  })
  const stuck = health?.untilStuck(AbortSignal.any([signal, ended.signal])).then(() => aborted) ?? aborted
  stuck.catch(() => undefined)
  try {
    const started = role.start()
    await Promise.race([started, aborted, stuck])
    if (signal.aborted) {
      // Ends what the start waits for; what it has brought up meanwhile is stopped below.
      await stop(role, log)
      const given = started.catch(() => undefined)
      await endsWithin(SLACK_MS, given)
    } else isUp()
    await Promise.race([role.failed, aborted, stuck])
  } catch (error) {
    await stop(role, log)
    throw error
  } finally {
    ended.abort()
  }
  health?.stopping()
  await stop(role, log)
}

/** Bounded whatever the role does: one that hangs is left behind, and another may take its place. */
const stop = async (role: Role, log: Logger): Promise<void> => {
  try {
    if (await endsWithin(STOP_MS + SLACK_MS, role.stop())) return
    log.warn({ role: role.name }, 'role did not stop, left behind')
  } catch (error) {
    log.debug({ role: role.name, reason: messageOf(error) }, 'role did not stop cleanly')
  }
}
