// Ids seen by walks that must be proven complete, recorded by the sink in the merge and counted before an entity closes.
import type { Queryable } from '../platform/postgres.ts'

export const rangeRef = (key: { readonly runId: string; readonly rangeId: number }): string => `${key.runId}/${key.rangeId}`

/** Those of the ranges (as `rangeRef`) whose ids are recorded. A range never changes in this: the answer may be cached. */
export const countedRanges = async (
  client: Queryable,
  keys: readonly { readonly runId: string; readonly rangeId: number }[],
): Promise<Set<string>> => {
  if (keys.length === 0) return new Set()
  const { rows } = await client.query<{ run_id: string; range_id: number }>(
    `select run_id, range_id from sync.ranges
     join unnest($1::uuid[], $2::int[]) as k(run_id, range_id) using (run_id, range_id) where counted`,
    [keys.map((k) => k.runId), keys.map((k) => k.rangeId)],
  )
  return new Set(rows.map((row) => rangeRef({ runId: row.run_id, rangeId: row.range_id })))
}

export interface Seen {
  readonly runId: string
  readonly rangeId: number
  readonly entity: string
  readonly externalIds: readonly string[]
}

/** Ids of ended or unknown runs are not recorded. */
export const recordSeen = async (client: Queryable, rows: readonly Seen[]): Promise<void> => {
  const flat = rows.flatMap((row) => row.externalIds.map((id) => ({ ...row, id })))
  if (flat.length === 0) return
  await client.query(
    `insert into sync.seen (run_id, entity, range_id, external_id)
     select i.run_id, i.entity, i.range_id, i.external_id
     from unnest($1::uuid[], $2::text[], $3::int[], $4::text[]) as i(run_id, entity, range_id, external_id)
     join sync.runs r on r.run_id = i.run_id and r.state in ('planned', 'running', 'paused')
     order by 1, 2, 3, 4 on conflict do nothing`,
    [flat.map((r) => r.runId), flat.map((r) => r.entity), flat.map((r) => r.rangeId), flat.map((r) => r.id)],
  )
}
