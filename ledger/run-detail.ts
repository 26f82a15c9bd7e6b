// Reading one run closely: its ranges with who holds them, its dead letters by cause, and receipts that should be there and are not.
import type { Json, RangeSpec } from '../manifests/walk.ts'
import type { Queryable } from '../platform/postgres.ts'
import type { LetterState } from './dead-letter-search.ts'
import { lapsed } from './workers.ts'

export interface RangeDetail {
  readonly rangeId: number
  readonly spec: RangeSpec
  readonly state: 'open' | 'ended' | 'failed'
  /** How often it was taken. */
  readonly epoch: number
  /** The worker that holds it; `live` is false when its lease has lapsed. */
  readonly holder: {
    readonly workerId: string
    readonly host: string | null
    readonly pid: number | null
    readonly live: boolean
  } | null
  readonly cursor: Json | null
  readonly nextPage: number
  readonly calls: number
  readonly failures: number
  readonly wakeAt: Date | null
  readonly waitingFor: string | null
  readonly waitingSince: Date | null
  readonly errorCode: string | null
  readonly reason: string | null
}

interface RangeRow {
  range_id: number
  spec: RangeSpec
  state: RangeDetail['state']
  epoch: number
  holder: string | null
  host: string | null
  pid: number | null
  live: boolean
  cursor: Json | null
  next_page: number
  calls: number
  failures: number
  wake_at: Date | null
  waiting_for: string | null
  waiting_since: Date | null
  error_code: string | null
  reason: string | null
}

const RANGES = `
  select r.range_id, r.spec, r.state, r.epoch, r.holder, w.host, w.pid, not ${lapsed('r.holder')} as live, r.cursor, r.next_page,
    r.calls, r.failures, r.wake_at, r.waiting_for, r.waiting_since, r.error_code, r.reason
  from sync.ranges r left join sync.workers w on w.worker_id = r.holder where r.run_id = $1 order by r.range_id`

export const runRanges = async (client: Queryable, runId: string): Promise<readonly RangeDetail[]> => {
  const { rows } = await client.query<RangeRow>(RANGES, [runId])
  return rows.map((row) => ({
    rangeId: row.range_id,
    spec: row.spec,
    state: row.state,
    epoch: row.epoch,
    holder: row.holder === null ? null : { workerId: row.holder, host: row.host, pid: row.pid, live: row.live },
    cursor: row.cursor,
    nextPage: row.next_page,
    calls: row.calls,
    failures: row.failures,
    wakeAt: row.wake_at,
    waitingFor: row.waiting_for,
    waitingSince: row.waiting_since,
    errorCode: row.error_code,
    reason: row.reason,
  }))
}

export interface DeadLetterGroup {
  readonly entity: string
  readonly stage: string
  readonly code: string
  readonly reason: string
  readonly state: LetterState
  /** Of replayed ones: what became of the records. */
  readonly outcome: string | null
  readonly count: number
  /** External ids of some of them. */
  readonly examples: readonly string[]
}

/** Dead letters of a run by their cause and what came of them, those first that are not settled; at most `limit` of these groups. */
export const deadLetterGroups = async (client: Queryable, runId: string, limit = 20): Promise<readonly DeadLetterGroup[]> => {
  const { rows } = await client.query<Omit<DeadLetterGroup, 'examples'> & { examples: string[] | null }>(
    `select entity, stage, code, reason, state, outcome, count(*) as count,
       (array_agg(external_id order by external_id) filter (where external_id is not null))[1:3] as examples
     from sync.dead_letters where run_id = $1 group by 1, 2, 3, 4, 5, 6
     order by state in ('replayed', 'dropped'), count(*) desc, 1, 2, 3, 4, 5, 6 limit $2`,
    [runId, limit],
  )
  return rows.map((row) => ({ ...row, examples: row.examples ?? [] }))
}

export interface MissingReceipt {
  readonly entity: string
  readonly rangeId: number
  readonly page: number
}

/** Pages that their range has gone past without an accepted receipt; at most `limit`. There are none unless rows were lost. */
export const missingReceipts = async (client: Queryable, runId: string, limit = 100): Promise<readonly MissingReceipt[]> => {
  const { rows } = await client.query<{ entity: string; range_id: number; page: number }>(
    `select r.entity, r.range_id, n.page from sync.ranges r, generate_series(0, r.next_page - 1) as n(page)
     where r.run_id = $1 and not exists (
       select from sync.pages p where p.run_id = r.run_id and p.range_id = r.range_id and p.page = n.page and p.accepted)
     order by r.range_id, n.page limit $2`,
    [runId, limit],
  )
  return rows.map((row) => ({ entity: row.entity, rangeId: row.range_id, page: row.page }))
}
