// Does the sweeps of parked rows: those that are asked for before an entity closes, and each minute all there are, because a row
// can be parked by one sink while another merges its parent.
import { CHANNELS } from '../ledger/signals.ts'
import { type PendingSweep, pendingSweeps, sweepDone } from '../ledger/sweeps.ts'
import { messageOf } from '../platform/errors.ts'
import type { Outages } from '../platform/health.ts'
import { pause } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway, type Pool, type PoolClient } from '../platform/postgres.ts'
import type { Signals } from '../platform/signals.ts'
import type { BuryRejected } from './bury.ts'
import { refusedParked } from './dead-letters.ts'
import { parkedOwners } from './postgres/parking.ts'
import { sweepParked } from './postgres/sweep.ts'

const BUSY_MS = 500
const IDLE_MS = 1_000
const SWEEP_ALL_MS = 60_000

interface Sweep extends Pick<PendingSweep, 'orgId' | 'entity'> {
  /** Absent for a sweep that nobody waits for. */
  readonly pending?: PendingSweep
}

export interface SweeperDeps {
  readonly pool: Pool
  readonly bury: BuryRejected
  readonly signals: Pick<Signals, 'news'>
  readonly log: Logger
  readonly signal: AbortSignal
  readonly outages?: Outages
}

/** One that fails is tried again in a later round, and holds up no other. */
const sweepOne = async ({ pool, bury, log }: SweeperDeps, { orgId, entity, pending }: Sweep): Promise<void> => {
  try {
    const done = pending && ((client: PoolClient) => sweepDone(client, pending))
    const swept = await sweepParked(pool, orgId, entity, (rows) => bury(rows.map(refusedParked)), done)
    if (swept > 0) log.debug({ org: orgId, entity, swept }, 'parked rows settled')
  } catch (error) {
    log.warn({ org: orgId, entity, reason: messageOf(error) }, 'parked rows not swept, again later')
  }
}

/** Runs until the signal aborts; never throws. An idle sink learns here that PostgreSQL is away. */
export const runSweeper = async (deps: SweeperDeps): Promise<void> => {
  const { pool, log, signals, signal, outages } = deps
  const news = signals.news([CHANNELS.sweeps], signal)
  let back: (() => void) | undefined
  let allAt = performance.now() + SWEEP_ALL_MS

  const due = async (): Promise<readonly Sweep[]> => {
    const asked = (await pendingSweeps(pool)).map((pending) => ({ ...pending, pending }))
    if (performance.now() < allAt) return asked
    allAt = performance.now() + SWEEP_ALL_MS
    return [...asked, ...(await parkedOwners(pool))]
  }

  while (!signal.aborted) {
    const sweeps = await due().catch((error: unknown) => {
      log.debug({ reason: messageOf(error) }, 'sweeps not looked up')
      if (isDatabaseAway(error)) back ??= outages?.away('PostgreSQL')
      return undefined
    })
    if (sweeps !== undefined) {
      back?.()
      back = undefined
    }
    for (const sweep of sweeps ?? []) if (!signal.aborted) await sweepOne(deps, sweep)
    if (sweeps !== undefined && sweeps.length > 0) await pause(BUSY_MS, signal)
    else await news.sleep(sweeps === undefined ? IDLE_MS : news.pace(IDLE_MS))
  }
  back?.()
}
