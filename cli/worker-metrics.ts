// What of a worker's metrics is looked up when it is asked for: how its roles are and, where it plans, what the ledger has open.
import { type Backlog, readBacklog } from '../ledger/backlog.ts'
import { messageOf } from '../platform/errors.ts'
import type { RoleHealth } from '../platform/health.ts'
import type { Logger } from '../platform/logger.ts'
import type { Pool } from '../platform/postgres.ts'
import type { Metrics, SetGauge } from '../platform/prometheus.ts'
import { ROLE_STATES } from '../platform/role-state.ts'
import { endsWithin } from '../platform/stopping.ts'
import { parkedCounts } from '../sinks/postgres/parking.ts'

export const collectHealth = (metrics: Metrics, health: RoleHealth): void =>
  metrics.collect(health.role, (set) => {
    const { state, lastProgressAt, restarts } = health.report()
    for (const each of ROLE_STATES) set('syncline_role_state', { state: each }, each === state ? 1 : 0)
    set('syncline_role_restarts', {}, restarts)
    if (lastProgressAt !== null) set('syncline_role_last_progress_timestamp_seconds', {}, Date.parse(lastProgressAt) / 1_000)
    const consumer = health.consumer()
    if (consumer === undefined) return
    set('syncline_consumer_lag_records', {}, consumer.lag)
    set('syncline_consumer_silence_seconds', {}, consumer.silentMs / 1_000)
  })

const FRESH_MS = 10_000
/** A scrape does not wait longer than this for PostgreSQL: it then goes without these figures. */
const PATIENCE_MS = 2_000

interface Figures extends Backlog {
  readonly parked: readonly { readonly entity: string; readonly records: number }[]
}

const show = (set: SetGauge, figures: Figures): void => {
  const { openPages, asks, deadLetters, parked, toAuthorise, refusedAuthorisations } = figures
  set('syncline_open_pages', {}, openPages)
  set('syncline_open_asks', {}, asks)
  set('syncline_connections_to_authorise', {}, toAuthorise)
  for (const { reason, times } of refusedAuthorisations) set('syncline_refused_authorisations', { reason }, times)
  set('syncline_paused_sources', {}, figures.pausedSources)
  set('syncline_overdue_schedules', {}, figures.overdueSchedules)
  set('syncline_unsent_notifications', {}, figures.unsentNotifications)
  for (const { stage, letters } of deadLetters) set('syncline_dead_letters', { stage }, letters)
  for (const { entity, records } of parked) set('syncline_parked_records', { entity }, records)
}

/** Asked at most once in ten seconds, however often it is scraped. */
export const collectBacklog = (metrics: Metrics, role: string, pool: Pool, log: Logger): void => {
  let asked: Promise<Figures | undefined> = Promise.resolve(undefined)
  let askedAt = Number.NEGATIVE_INFINITY
  const read = async (): Promise<Figures | undefined> => {
    try {
      return { ...(await readBacklog(pool)), parked: await parkedCounts(pool) }
    } catch (error) {
      log.debug({ reason: messageOf(error) }, 'backlog not read')
      return undefined
    }
  }
  metrics.collect(role, async (set) => {
    if (performance.now() - askedAt > FRESH_MS) {
      askedAt = performance.now()
      asked = read()
    }
    if (!(await endsWithin(PATIENCE_MS, asked))) return
    const figures = await asked
    if (figures !== undefined) show(set, figures)
  })
}
