// Parked rows that their table refuses when their parents have come: each becomes a dead letter of the bytes that were parked with it.
// Must hold: a row leaves only when its letter is on Kafka; one that is found again in between gives the same letter again, which the
// register knows (invariant 2).
import { moveOutcomes } from '../../ledger/landings.ts'
import { reopenParked } from '../../ledger/replays.ts'
import { inTransaction, type Pool, type PoolClient, plainArray } from '../../platform/postgres.ts'
import type { RecordOrigin } from '../../topics/headers.ts'
import { type Layout, listed, ORIGIN_COLUMNS } from './layout.ts'
import { moveOf, type OriginRow } from './parking.ts'

export interface RefusedParked {
  readonly layout: Layout
  readonly orgId: string
  readonly source: string
  readonly id: string
  readonly externalId: string
  /** Which of the versions that were ever parked under this id. */
  readonly parkedAt: string
  readonly value: Buffer
  /** As in the record's header. */
  readonly replays: string | undefined
  readonly origin: RecordOrigin | undefined
  /** As `refusalText` says it. */
  readonly why: string
}

interface Row extends OriginRow {
  pos: number
  org_id: string
  source: string
  id: string
  external_id: string
  parked_at: string
  value: Buffer
  replays: string | null
  count: number | null
}

// What was parked before its bytes were kept stays parked.
const refusedStatement = ({ entity, parked, staged }: Layout): string => `
  select s.pos, p.org_id, p.source, p.id, p.external_id, p.parked_at::text, p.value, p.replays, ${listed(ORIGIN_COLUMNS, 'p')},
    l.expected as count
  from ${staged} s join ${parked} p on p.org_id = s.org_id and p.id = s.id
    and (p.observed_at, p.mapping_revision, p.content_hash) = (s.observed_at, s.mapping_revision, s.content_hash)
  left join sync.landings l on (l.run_id, l.range_id, l.page, l.attempt, l.entity) = (p.run_id, p.range_id, p.page, p.attempt, '${entity}')
  where s.pos = any($1::int[]) and p.value is not null order by s.pos`

const originOf = (row: Row): RecordOrigin | undefined => {
  const { run_id: runId, range_id: rangeId, page, attempt, index, count } = row
  return runId === null || count === null ? undefined : { runId, rangeId, page, attempt, index, count }
}

/** Those of the staged rows (by `pos`, with the reason) that have their bytes, in the transaction that was refused them. */
export const readRefused = async (
  client: PoolClient,
  layout: Layout,
  refused: ReadonlyMap<number, string>,
): Promise<readonly RefusedParked[]> => {
  if (refused.size === 0) return []
  const { rows } = await client.query<Row>(refusedStatement(layout), [plainArray([...refused.keys()])])
  await reopenParked(
    client,
    rows.flatMap(({ replays }) => replays ?? []),
  )
  return rows.map((row) => ({
    layout,
    orgId: row.org_id,
    source: row.source,
    id: row.id,
    externalId: row.external_id,
    parkedAt: row.parked_at,
    value: row.value,
    replays: row.replays ?? undefined,
    origin: originOf(row),
    why: refused.get(row.pos) ?? '',
  }))
}

const unparkStatement = ({ parked }: Layout): string => `
  delete from ${parked} p using unnest($1::text[], $2::uuid[], $3::timestamptz[]) as k(org_id, id, parked_at)
  where p.org_id = k.org_id and p.id = k.id and p.parked_at = k.parked_at returning ${listed(ORIGIN_COLUMNS, 'p')}`

/** Takes the rows away whose letters are on Kafka; of one that a newer version has replaced, nothing is left to do. */
export const unparkRefused = async (pool: Pool, all: readonly RefusedParked[]): Promise<void> => {
  for (const layout of new Set(all.map((row) => row.layout))) {
    const own = all.filter((row) => row.layout === layout)
    await inTransaction(pool, async (client) => {
      const { rows } = await client.query<OriginRow>(unparkStatement(layout), [
        own.map(({ orgId }) => orgId),
        own.map(({ id }) => id),
        own.map(({ parkedAt }) => parkedAt),
      ])
      await moveOutcomes(
        client,
        rows.flatMap((row) => moveOf(layout.entity, row, 'dead')),
      )
    })
  }
}
