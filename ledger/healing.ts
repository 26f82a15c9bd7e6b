// Accepted pages that stay open, and the two ways to mend one that vanished on Kafka: its bytes once more, or the range rewound to
// it. Each change is one guarded transaction that counts itself, so that two leaders, or one killed midway, do no harm (invariant 2).
import type { Json } from '../manifests/walk.ts'
import { inTransaction, type Pool, type PoolClient, type Queryable } from '../platform/postgres.ts'
import type { EntityState } from './entities.ts'
import { joinAcceptedPage, type PageKey } from './landings.ts'

export interface OpenPage extends PageKey {
  readonly orgId: string
  readonly source: string
  readonly adapter: string
  /** The entity that its range walks. */
  readonly entity: string
  /** Those entities of the run with records of this page that have no outcome. */
  readonly open: readonly { readonly entity: string; readonly state: EntityState }[]
  /** Where its bytes are on the raw topic; -1: they never were there (a record above the cap is a dead letter only). */
  readonly rawPartition: number
  readonly rawOffset: bigint
  /** When its receipt was written, in ms since 1970 by PostgreSQL's clock. */
  readonly receivedAt: number
  /** How often it was healed, whatever its attempt. */
  readonly heals: number
}

interface OpenPageRow {
  run_id: string
  range_id: number
  page: number
  attempt: number
  org_id: string
  source: string
  adapter: string
  entity: string
  open: OpenPage['open']
  raw_partition: number
  raw_offset: number
  received_at: number
  heals: number
}

const OPEN = `
  select p.run_id, p.range_id, p.page, p.attempt, u.org_id, u.source, u.adapter, p.entity, p.raw_partition, p.raw_offset,
    (extract(epoch from p.received_at) * 1000)::float8 as received_at, coalesce(h.times, 0) as heals,
    jsonb_agg(jsonb_build_object('entity', e.entity, 'state', e.state) order by e.ordinal) as open
  from sync.runs u
  join sync.run_entities e on e.run_id = u.run_id and e.state in ('fetching', 'landing')
  join sync.landings l on l.run_id = e.run_id and l.entity = e.entity and not l.complete
  ${joinAcceptedPage('l', 'p.*')}
  left join sync.heals h on (h.run_id, h.range_id, h.page) = (p.run_id, p.range_id, p.page)
  where u.state = 'running' and p.received_at < now() - $1 * interval '1 millisecond'
  group by p.run_id, p.range_id, p.page, p.attempt, p.entity, p.raw_partition, p.raw_offset, p.received_at, u.run_id, h.times order by p.received_at limit $2`

/** Accepted pages of running runs that have been open for so long, the oldest first; and PostgreSQL's time, in ms since 1970. */
export const overduePages = async (
  client: Queryable,
  openForMs: number,
  limit: number,
): Promise<{ readonly pages: readonly OpenPage[]; readonly now: number }> => {
  const { rows } = await client.query<OpenPageRow>(OPEN, [openForMs, limit])
  if (rows.length === 0) return { pages: [], now: 0 }
  const clock = await client.query<{ now: number }>('select (extract(epoch from clock_timestamp()) * 1000)::float8 as now')
  return { pages: rows.map(fromRow), now: clock.rows[0]?.now ?? 0 }
}

const fromRow = (row: OpenPageRow): OpenPage => ({
  runId: row.run_id,
  rangeId: row.range_id,
  page: row.page,
  attempt: row.attempt,
  orgId: row.org_id,
  source: row.source,
  adapter: row.adapter,
  entity: row.entity,
  open: row.open,
  rawPartition: row.raw_partition,
  rawOffset: BigInt(row.raw_offset),
  receivedAt: row.received_at,
  heals: row.heals,
})

const COUNT = `on conflict (run_id, range_id, page) do update set times = sync.heals.times + 1, last_at = now()`

/** After its bytes were produced once more. False: the page is not the one that was looked at (healed by another, rewound, moved). */
export const movePage = async (
  client: Queryable,
  page: OpenPage,
  to: { readonly partition: number; readonly offset: bigint },
): Promise<boolean> => {
  const { rowCount } = await client.query(
    `with moved as (
       update sync.pages set raw_partition = $7, raw_offset = $8
       where run_id = $1 and range_id = $2 and page = $3 and attempt = $4 and accepted and raw_partition = $5 and raw_offset = $6
       returning run_id, range_id, page)
     insert into sync.heals (run_id, range_id, page, times) select run_id, range_id, page, 1 from moved ${COUNT}`,
    [...keyOf(page), to.partition, to.offset.toString()],
  )
  return rowCount === 1
}

const keyOf = (page: OpenPage) => [
  page.runId,
  page.rangeId,
  page.page,
  page.attempt,
  page.rawPartition,
  page.rawOffset.toString(),
]

/**
 * Rewinds the range to the first of these pages, which are of one range and cannot be produced again: withdraws the acceptance of
 * all pages from there on and raises the epoch, so that a fetcher that holds the range is refused its next receipt. Entities that
 * these pages bring are fetching again, whatever they had come to. False: the first page is not the one that was looked at.
 */
export const rewindRange = (pool: Pool, pages: readonly [OpenPage, ...OpenPage[]]): Promise<boolean> =>
  inTransaction(pool, async (client) => {
    const [first] = pages
    // Locks in one order: the run, its entities, its ranges.
    const run = await client.query(`select from sync.runs where run_id = $1 and state = 'running' for no key update`, [
      first.runId,
    ])
    if (run.rowCount !== 1 || !(await holdRange(client, first))) return false
    const start = await startOf(client, first)
    await client.query(`update sync.pages set accepted = false where run_id = $1 and range_id = $2 and page >= $3 and accepted`, [
      first.runId,
      first.rangeId,
      start.page,
    ])
    await client.query(
      `update sync.ranges set state = 'open', epoch = epoch + 1, holder = null, cursor = $3, next_page = $4, wake_at = now(),
         wake_delay_ms = 10000, failures = 0, waiting_for = null, waiting_since = null, reason = null
       where run_id = $1 and range_id = $2`,
      [first.runId, first.rangeId, start.cursor === null ? null : JSON.stringify(start.cursor), start.page],
    )
    await client.query(
      `insert into sync.heals (run_id, range_id, page, times) select $1, $2, page, 1 from unnest($3::int[]) as page ${COUNT}`,
      [first.runId, first.rangeId, pages.map(({ page }) => page)],
    )
    return true
  })

/** Locks the entities on the page's range and the range itself; false when the page may not be rewound to any more. */
const holdRange = async (client: PoolClient, { runId, rangeId, entity, ...page }: OpenPage): Promise<boolean> => {
  const { rows } = await client.query<{ state: EntityState; entity: string }>(
    'select entity, state from sync.run_entities where run_id = $1 and (entity = $2 or carrier = $2) order by entity for update',
    [runId, entity],
  )
  const walked = rows.find((row) => row.entity === entity)
  if (walked === undefined || ['failed', 'skipped', 'cancelled'].includes(walked.state)) return false
  await client.query('select from sync.ranges where run_id = $1 and range_id = $2 for update', [runId, rangeId])
  const { rowCount } = await client.query(
    `select from sync.pages p join sync.ranges r using (run_id, range_id) where p.run_id = $1 and p.range_id = $2 and p.page = $3
       and p.attempt = $4 and p.raw_partition = $5 and p.raw_offset = $6 and p.accepted and r.state <> 'failed'`,
    [runId, rangeId, page.page, page.attempt, page.rawPartition, page.rawOffset.toString()],
  )
  if (rowCount !== 1) return false
  await client.query(
    `update sync.run_entities set state = 'fetching', ended_at = null, reason = null, error_code = null, sweep_requested_at = null
     where run_id = $1 and (entity = $2 or carrier = $2) and state in ('landing', 'closed', 'unproven')`,
    [runId, entity],
  )
  return true
}

/** The page itself, if it is known where the page before it ended; else the nearest before it of which that is known. */
const startOf = async (client: Queryable, { runId, rangeId, page }: OpenPage): Promise<{ page: number; cursor: Json | null }> => {
  const { rows } = await client.query<{ page: number; next: Json }>(
    `select page, next from sync.pages where run_id = $1 and range_id = $2 and page < $3 and accepted and next is not null
     order by page desc limit 1`,
    [runId, rangeId, page],
  )
  const before = rows[0]
  return before === undefined ? { page: 0, cursor: null } : { page: before.page + 1, cursor: before.next }
}

/** Dead letters of messages of the page's entity that could not be worked on at all, which do not name a page, since it was received. */
export const unreadableSince = async (client: Queryable, { orgId, source, entity, receivedAt }: OpenPage): Promise<number> => {
  const { rows } = await client.query<{ n: number }>(
    `select count(*)::int as n from sync.dead_letters
     where org_id = $1 and source = $2 and entity = $3 and code = 'unreadable' and recorded_at >= to_timestamp($4::float8 / 1000)`,
    [orgId, source, entity, receivedAt],
  )
  return rows[0]?.n ?? 0
}

export interface HealedPage {
  readonly entity: string
  readonly rangeId: number
  readonly page: number
  readonly times: number
  readonly lastAt: Date
}

/** Pages of a run that were healed, the latest first; at most `limit`. */
export const healedPages = async (client: Queryable, runId: string, limit = 20): Promise<readonly HealedPage[]> => {
  const { rows } = await client.query<{ entity: string; range_id: number; page: number; times: number; last_at: Date }>(
    `select r.entity, h.range_id, h.page, h.times, h.last_at from sync.heals h join sync.ranges r using (run_id, range_id)
     where h.run_id = $1 order by h.last_at desc, h.range_id, h.page limit $2`,
    [runId, limit],
  )
  return rows.map((row) => ({ entity: row.entity, rangeId: row.range_id, page: row.page, times: row.times, lastAt: row.last_at }))
}
