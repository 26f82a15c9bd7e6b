// What the walk of an entity has shown, range by range: what its completeness is judged by (orchestrator/proof.ts).
import type { WalkSpec } from '../manifests/walk.ts'
import type { Queryable } from '../platform/postgres.ts'

/** What one range of a walk has shown: the evidence for or against its completeness. */
export interface RangeEvidence {
  readonly walk: WalkSpec
  /** Records that were not repetitions of the seam, by the fetcher's count; of a count: the rows that have a key. */
  readonly fresh: number
  /** The vendor's total at the first and at the last page that told one. */
  readonly firstTotal: number | null
  readonly lastTotal: number | null
  /** Rows moved under it: `fresh` may count one twice. */
  readonly drifted: boolean
  /** Distinct ids that the sink recorded, dead letters included; of counted ranges only. */
  readonly distinct: number
}

const EVIDENCE = `
  select r.entity, r.spec -> 'walk' as walk,
    (select coalesce(sum(p.fresh), 0) from sync.pages p where p.run_id = r.run_id and p.range_id = r.range_id and p.accepted) as fresh,
    (select coalesce(bool_or(p.drifted), false) from sync.pages p where p.run_id = r.run_id and p.range_id = r.range_id and p.accepted) as drifted,
    (select p.total from sync.pages p where p.run_id = r.run_id and p.range_id = r.range_id and p.accepted and p.total is not null
       order by p.page limit 1) as first_total,
    (select p.total from sync.pages p where p.run_id = r.run_id and p.range_id = r.range_id and p.accepted and p.total is not null
       order by p.page desc limit 1) as last_total,
    (select count(*) from (
       select s.external_id from sync.seen s where s.run_id = r.run_id and s.entity = r.entity and s.range_id = r.range_id
       union
       select coalesce(d.external_id, '?' || d.page || '/' || d.index) from sync.dead_letters d
         join sync.pages p on (p.run_id, p.range_id, p.page, p.attempt) = (d.run_id, d.range_id, d.page, d.attempt) and p.accepted
       where d.run_id = r.run_id and d.entity = r.entity and d.range_id = r.range_id) ids) as distinct_ids
  from sync.ranges r where r.run_id = $1 and r.entity = any($2) order by r.range_id`

/** Ids that the walk of an entity has shown, each once, whatever range they came with; of counted ranges only. */
export const distinctIds = async (client: Queryable, runId: string, entity: string): Promise<number> => {
  const { rows } = await client.query<{ n: number }>(
    'select count(distinct external_id) as n from sync.seen where run_id = $1 and entity = $2',
    [runId, entity],
  )
  return rows[0]?.n ?? 0
}

/** Of each entity's walk, in the order of its ranges. */
export const walkEvidence = async (
  client: Queryable,
  runId: string,
  entities: readonly string[],
): Promise<ReadonlyMap<string, readonly RangeEvidence[]>> => {
  const evidence = new Map<string, RangeEvidence[]>(entities.map((entity) => [entity, []]))
  if (entities.length === 0) return evidence
  const { rows } = await client.query<{
    entity: string
    walk: WalkSpec
    fresh: number
    drifted: boolean
    first_total: number | null
    last_total: number | null
    distinct_ids: number
  }>(EVIDENCE, [runId, entities])
  for (const row of rows) {
    evidence.get(row.entity)?.push({
      walk: row.walk,
      fresh: Number(row.fresh),
      drifted: row.drifted,
      firstTotal: row.first_total,
      lastTotal: row.last_total,
      distinct: row.distinct_ids,
    })
  }
  return evidence
}
