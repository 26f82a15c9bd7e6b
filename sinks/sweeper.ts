// Does the sweeps of parked rows that are asked for: before an entity closes, and each minute.
import { type PendingSweep, pendingSweeps, sweepDone } from '../ledger/sweeps.ts'
import { messageOf } from '../platform/errors.ts'
import { pause } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import type { Pool } from '../platform/postgres.ts'
import { sweepParked } from './postgres/sweep.ts'

const BUSY_MS = 500
const IDLE_MS = 2_000

const sweep = async (pool: Pool, pending: PendingSweep, log: Logger): Promise<void> => {
  const swept = await sweepParked(pool, pending.orgId, pending.entity, (client) => sweepDone(client, pending))
  if (swept > 0) log.info({ org: pending.orgId, entity: pending.entity, swept }, 'parked rows merged')
}

const sweepPending = async (pool: Pool, log: Logger, signal: AbortSignal): Promise<number> => {
  const pending = await pendingSweeps(pool)
  for (const each of pending) {
    if (signal.aborted) break
    await sweep(pool, each, log)
  }
  return pending.length
}

/** Runs until the signal aborts; a sweep that fails is tried again in the next round, so nothing is thrown. */
export const runSweeper = async (pool: Pool, log: Logger, signal: AbortSignal): Promise<void> => {
  while (!signal.aborted) {
    let done = 0
    try {
      done = await sweepPending(pool, log, signal)
    } catch (error) {
      log.debug({ reason: messageOf(error) }, 'sweep not done, again later')
    }
    await pause(done > 0 ? BUSY_MS : IDLE_MS, signal)
  }
}
