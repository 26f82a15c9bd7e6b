// What a leader does beside its ticks, because it takes its time and a tick has none to lose: one loop for each such task.
import { messageOf } from '../platform/errors.ts'
import { isKafkaAway } from '../platform/kafka/client.ts'
import { pause } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway } from '../platform/postgres.ts'
import type { News } from '../platform/signals.ts'

export interface SideTask {
  readonly what: string
  /** One step; resolves to the milliseconds until the next. Guarded in the ledger: two who believe to lead may both take it. */
  readonly step: () => Promise<number>
  /** What brings the next step forward. */
  readonly news?: News
}

export interface Beside {
  readonly leads: () => boolean
  readonly log: Logger
  readonly signal: AbortSignal
}

const NOT_LEADING_MS = 1_000
/** Between two steps, whatever the news. */
const LEAST_MS = 250
const AWAY_MS = 2_000
const TROUBLE_MS = 60_000

/** Runs the task while this process leads, until the signal aborts. Never rejects: everything else goes on. */
export const runBeside = async ({ what, step, news }: SideTask, { leads, log, signal }: Beside): Promise<void> => {
  while (!signal.aborted) {
    const taken = leads() ? step() : Promise.resolve(NOT_LEADING_MS)
    const delayMs = await taken.catch((error: unknown) => {
      // Not worth a restart of the role.
      const isAway = isDatabaseAway(error) || isKafkaAway(error)
      log[isAway ? 'debug' : 'error']({ reason: messageOf(error) }, `${what}: failed, again later`)
      return isAway ? AWAY_MS : TROUBLE_MS
    })
    await pause(news === undefined ? delayMs : Math.min(LEAST_MS, delayMs), signal)
    await news?.sleep(delayMs - LEAST_MS)
  }
}
