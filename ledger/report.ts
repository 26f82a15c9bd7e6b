// Reading the ledger: what a run fetched and what became of it, per entity, and page by page what is missing.
import type { Changes } from '../manifests/strategy.ts'
import type { Queryable } from '../platform/postgres.ts'
import type { EntityState } from './entities.ts'
import { joinAcceptedPage } from './landings.ts'
import type { Repair } from './progress.ts'
import { lapsed } from './workers.ts'

export interface EntityReport {
  readonly entity: string
  readonly tier: number
  readonly state: EntityState
  /** What it depends on, of the entities of this run. */
  readonly hard: readonly string[]
  readonly soft: readonly string[]
  /** Whose pages bring its records; null: it is walked itself. */
  readonly carrier: string | null
  /** The part of it that is read, null: everything; and what there is to say of that. */
  readonly changes: Changes | null
  readonly why: string | null
  readonly startedAt: Date | null
  readonly endedAt: Date | null
  /** When it came to the state it is in. */
  readonly stateSince: Date
  readonly reason: string | null
  readonly errorCode: string | null
  readonly calls: number
  /** Accepted ones; what was asked for its total alone is none. */
  readonly pages: number
  /** Records on accepted pages, repetitions of the seam included. */
  readonly fetched: number
  readonly merged: number
  readonly unchanged: number
  readonly stale: number
  readonly parked: number
  readonly dead: number
  /** `ready`: it would close but for its parked records, whose parents are fetched by id when the rest of the run is quiet. */
  readonly repair: Repair
  /** Records of accepted pages that have no outcome yet. */
  readonly missing: number
  /** Accepted pages that such records are on. */
  readonly openPages: number
  /** When the oldest of them was received. */
  readonly openSince: Date | null
  /** Pages of its walk that vanished on Kafka and were healed. */
  readonly healed: number
  /** How long, in ms, ranges of its walk have been open and held by nobody, with no page received; null: one is held, or none open. */
  readonly idleMs: number | null
  /** What its walk waits for, since when, for how long by PostgreSQL's clock, and why. */
  readonly waitingFor: string | null
  readonly waitingSince: Date | null
  readonly waitingMs: number | null
  readonly waitingReason: string | null
}

const REPORT = `
  with landed as (
    select l.entity, count(distinct (l.range_id, l.page)) as pages, sum(l.expected) as fetched,
      sum(bit_count(l.merged)) as merged, sum(bit_count(l.unchanged)) as unchanged, sum(bit_count(l.stale)) as stale,
      sum(bit_count(l.parked)) as parked, sum(bit_count(l.dead)) as dead, count(*) filter (where not l.complete) as open_pages,
      min(p.received_at) filter (where not l.complete) as open_since
    from sync.landings l ${joinAcceptedPage('l', 'p.received_at', '$1')}
    where l.run_id = $1 group by l.entity),
  received as (
    select p.entity, count(*) filter (where r.spec -> 'walk' ->> 'kind' <> 'count') as pages, max(p.received_at) as last_at
    from sync.pages p join sync.ranges r using (run_id, range_id) where p.run_id = $1 and p.accepted group by p.entity),
  walked as (
    select entity, sum(calls) as calls,
      (array_agg(waiting_for order by waiting_since) filter (where state = 'open' and waiting_for is not null))[1] as waiting_for,
      (array_agg(reason order by waiting_since) filter (where state = 'open' and waiting_for is not null))[1] as waiting_reason,
      min(waiting_since) filter (where state = 'open' and waiting_for is not null) as waiting_since,
      bool_or(state = 'open') and bool_and(state <> 'open' or ${lapsed('holder')}) as idle
    from sync.ranges where run_id = $1 group by entity),
  healed as (
    select r.entity, count(*)::int as healed from sync.heals h join sync.ranges r using (run_id, range_id) where h.run_id = $1 group by r.entity)
  select e.entity, e.tier, e.state, e.hard, e.soft, e.carrier, e.changes, e.why, e.started_at, e.ended_at, e.state_since, e.reason, e.error_code, coalesce(w.calls, 0)::int as calls,
    coalesce(r.pages, l.pages, 0)::int as pages, coalesce(l.fetched, 0)::int as fetched, coalesce(l.merged, 0)::int as merged,
    coalesce(l.unchanged, 0)::int as unchanged, coalesce(l.stale, 0)::int as stale, coalesce(l.parked, 0)::int as parked,
    coalesce(l.dead, 0)::int as dead, coalesce(l.open_pages, 0)::int as open_pages, l.open_since, coalesce(h.healed, 0) as healed,
    case when w.idle then (extract(epoch from now() - greatest(e.state_since, r.last_at)) * 1000)::float8 end as idle_ms, e.repair, w.waiting_for, w.waiting_since, w.waiting_reason,
    (extract(epoch from now() - w.waiting_since) * 1000)::float8 as waiting_ms
  from sync.run_entities e left join landed l using (entity) left join received r using (entity) left join walked w using (entity)
    left join healed h on h.entity = coalesce(e.carrier, e.entity)
  where e.run_id = $1 order by e.ordinal`

type Renamed =
  | 'errorCode'
  | 'waitingFor'
  | 'waitingSince'
  | 'waitingMs'
  | 'waitingReason'
  | 'startedAt'
  | 'endedAt'
  | 'stateSince'
  | 'openPages'
  | 'openSince'
  | 'idleMs'

interface ReportRow extends Omit<EntityReport, Renamed | 'missing'> {
  error_code: string | null
  started_at: Date | null
  ended_at: Date | null
  state_since: Date
  open_pages: number
  open_since: Date | null
  idle_ms: number | null
  waiting_for: string | null
  waiting_since: Date | null
  waiting_ms: number | null
  waiting_reason: string | null
}

export const runReport = async (client: Queryable, runId: string): Promise<readonly EntityReport[]> => {
  const { rows } = await client.query<ReportRow>(REPORT, [runId])
  return rows.map(reportOf)
}

const reportOf = (row: ReportRow): EntityReport => {
  const { error_code, started_at, ended_at, state_since, open_pages, open_since, idle_ms, ...rest } = row
  const { waiting_for, waiting_since, waiting_ms, waiting_reason, ...same } = rest
  return {
    ...same,
    errorCode: error_code,
    startedAt: started_at,
    endedAt: ended_at,
    stateSince: state_since,
    openPages: open_pages,
    openSince: open_since,
    idleMs: idle_ms,
    waitingFor: waiting_for,
    waitingSince: waiting_since,
    waitingMs: waiting_ms,
    waitingReason: waiting_reason,
    missing: row.fetched - row.merged - row.unchanged - row.stale - row.parked - row.dead,
  }
}

export interface MissingPage {
  readonly entity: string
  readonly rangeId: number
  readonly page: number
  readonly attempt: number
  readonly expected: number
  /** Indexes of the records without an outcome. */
  readonly missing: readonly number[]
  readonly rawPartition: number
  readonly rawOffset: number
  readonly request: string
}

/** Accepted pages with records that have no outcome, in order; at most `limit`. */
export const missingPages = async (client: Queryable, runId: string, limit = 100): Promise<readonly MissingPage[]> => {
  const { rows } = await client.query<{
    entity: string
    range_id: number
    page: number
    attempt: number
    expected: number
    landed: string
    raw_partition: number
    raw_offset: number
    request: string
  }>(
    `select l.entity, l.range_id, l.page, l.attempt, l.expected, (l.merged | l.unchanged | l.stale | l.parked | l.dead)::text as landed,
       p.raw_partition, p.raw_offset, p.request
     from sync.landings l ${joinAcceptedPage('l', 'p.raw_partition, p.raw_offset, p.request', '$1')}
     where l.run_id = $1 and not l.complete order by l.range_id, l.page, l.entity limit $2`,
    [runId, limit],
  )
  return rows.map((row) => ({
    entity: row.entity,
    rangeId: row.range_id,
    page: row.page,
    attempt: row.attempt,
    expected: row.expected,
    missing: [...row.landed].flatMap((bit, index) => (bit === '0' ? [index] : [])),
    rawPartition: row.raw_partition,
    rawOffset: row.raw_offset,
    request: row.request,
  }))
}
