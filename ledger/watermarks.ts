// How far each entity has been read: everything that its source said before the watermark has been received. Read when a delta is
// planned, raised in the transaction in which an entity closes proven.
import type { Queryable } from '../platform/postgres.ts'

/** What the source's clock may be behind PostgreSQL's by; more is left to the look-back of a delta. */
export const CLOCK_MARGIN_MS = 60_000
export const CLOCK_MARGIN = `interval '${CLOCK_MARGIN_MS / 1000} seconds'`

export interface Owner {
  readonly orgId: string
  readonly source: string
}

export const watermarksOf = async (client: Queryable, { orgId, source }: Owner): Promise<ReadonlyMap<string, Date>> => {
  const { rows } = await client.query<{ entity: string; at: Date }>(
    'select entity, at from sync.watermarks where org_id = $1 and source = $2',
    [orgId, source],
  )
  return new Map(rows.map((row) => [row.entity, row.at]))
}

// Up to the start of the run: what changed since then may or may not be on its pages. A part that began after the watermark leaves a gap
// before it, and raises nothing; nor does a run that walked nothing.
const RAISE = `
  insert into sync.watermarks as w (org_id, source, entity, at, run_id)
  select r.org_id, r.source, e.entity, r.started_at - ${CLOCK_MARGIN}, r.run_id
  from sync.run_entities e join sync.runs r using (run_id)
  where e.run_id = $1 and e.entity = any($2) and e.state = 'closed' and r.approves is null and (e.changes is null or exists (
    select from sync.watermarks k
    where (k.org_id, k.source, k.entity) = (r.org_id, r.source, e.entity) and (e.changes ->> 'since')::timestamptz <= k.at))
  on conflict (org_id, source, entity) do update
    set at = greatest(w.at, excluded.at), run_id = excluded.run_id, raised_at = now() where excluded.at > w.at`

/** To be called where the entities have just closed, in that transaction. */
export const raiseWatermarks = async (client: Queryable, runId: string, entities: readonly string[]): Promise<void> => {
  await client.query(RAISE, [runId, entities])
}
