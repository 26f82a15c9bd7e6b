// What reading an entity took the last time: of each one asked for, the newest walk to its end of the same kind.
import type { EntityPlan } from '../manifests/plan.ts'
import type { Queryable } from '../platform/postgres.ts'
import { joinAcceptedPage } from './landings.ts'
import type { Run } from './runs.ts'

export interface LastRead {
  readonly runId: string
  /** Those that were made for a total alone left out. */
  readonly ranges: number
  readonly calls: number
  /** On accepted pages, repetitions of the seam included; null: those pages are no longer kept. */
  readonly records: number | null
  readonly tookMs: number
}

/** Like is compared with like: on the pages of the same carrier or not, everything or what has changed. */
const LAST = `
  with asked as (select * from unnest($4::text[], $5::text[], $6::bool[]) as a(entity, carrier, is_part)),
  last as (
    select distinct on (e.entity) e.entity, e.run_id, e.carrier,
      (extract(epoch from e.ended_at - e.started_at) * 1000)::float8 as took_ms
    from sync.run_entities e join sync.runs r using (run_id)
      join asked a on a.entity = e.entity and a.carrier is not distinct from e.carrier and a.is_part = (e.changes is not null)
    where r.org_id = $1 and r.source = $2 and r.strategy = $3 and r.approves is null
      and e.state in ('closed', 'unproven') and e.started_at is not null and e.ended_at is not null
    order by e.entity, e.ended_at desc)
  select l.entity, l.run_id, l.took_ms, w.ranges, w.calls,
    case when exists (select from sync.pages p where p.run_id = l.run_id and p.entity = coalesce(l.carrier, l.entity))
      then coalesce(f.records, 0)::int end as records
  from last l
    cross join lateral (select count(*) filter (where x.spec -> 'walk' ->> 'kind' <> 'count')::int as ranges, coalesce(sum(x.calls), 0)::int as calls
      from sync.ranges x where x.run_id = l.run_id and x.entity = l.entity) w
    cross join lateral (select sum(n.expected) as records from sync.landings n ${joinAcceptedPage('n')}
      where n.run_id = l.run_id and n.entity = l.entity) f`

export const lastReads = async (
  client: Queryable,
  run: Pick<Run, 'orgId' | 'source' | 'strategy'>,
  plan: readonly Pick<EntityPlan, 'entity' | 'carrier' | 'changes'>[],
): Promise<ReadonlyMap<string, LastRead>> => {
  const { rows } = await client.query<Omit<LastRead, 'runId' | 'tookMs'> & { entity: string; run_id: string; took_ms: number }>(
    LAST,
    [
      ...[run.orgId, run.source, run.strategy],
      plan.map(({ entity }) => entity),
      plan.map(({ carrier }) => carrier),
      plan.map(({ changes }) => changes !== null),
    ],
  )
  return new Map(
    rows.map(({ entity, run_id, took_ms, ranges, calls, records }) => [
      entity,
      { runId: run_id, ranges, calls, records, tookMs: took_ms },
    ]),
  )
}
