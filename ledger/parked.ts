// What the parked records of a run wait for: the parents that are not in the tables, and what is known of each.
import type { Queryable } from '../platform/postgres.ts'
import { type CanonicalEntity, canonicalEntities, canonicalEntity, hardReferences } from '../topics/canonical.ts'

/**
 * unselected: the run does not fetch its entity. dead: its record became a dead letter of this run. absent: asked for by id, the
 * API does not have it. asked: asked for by id, not there yet. unasked: none of these.
 */
export type ParentStatus = 'unselected' | 'dead' | 'absent' | 'asked' | 'unasked'

export interface MissingParent {
  /** The entity of the parked records. */
  readonly entity: string
  /** The entity of the parent. */
  readonly parent: string
  /** Its canonical id. */
  readonly parentId: string
  /** Its id at the source; null when the parked records do not tell. */
  readonly externalId: string | null
  /** Parked records that wait for it. */
  readonly records: number
  readonly status: ParentStatus
}

export interface MissingParents {
  /** Those that most records wait for come first, of each pair of entities in turn. */
  readonly parents: readonly MissingParent[]
  /** How many there are beyond the limit too. */
  readonly total: number
}

export interface ParkedOf {
  readonly runId: string
  readonly orgId: string
}

interface Reference {
  readonly child: CanonicalEntity
  readonly column: string
  readonly parent: string
}

const references: readonly Reference[] = canonicalEntities.flatMap((child) =>
  hardReferences(child).map(({ column, parent }) => ({ child, column, parent })),
)

// Names are those of the schemas, never from outside.
const missingBy = ({ child, column, parent }: Reference): string => `
  select '${child.entity}' as entity, '${parent}' as parent, p."${column}" as parent_id, min(p.parents ->> '${column}') as external_id,
    count(*) as records
  from sync."parked_${child.table}" p
  where p.org_id = $1 and p.run_id = $2 and p."${column}" is not null
    and not exists (select from canonical."${canonicalEntity(parent).table}" t where t.org_id = p.org_id and t.id = p."${column}")
  group by p."${column}"`

/** Page n of a repair is its nth id: see adapters/core/paging/ids.ts. */
const missingFrom = (among: readonly Reference[]): string => `
  with missing as (${among.map(missingBy).join(' union all ')}),
  asked as (
    select r.entity, i.id, p.fresh from sync.ranges r
    cross join lateral jsonb_array_elements_text(r.spec -> 'walk' -> 'ids') with ordinality as i(id, n)
    left join sync.pages p on p.run_id = r.run_id and p.range_id = r.range_id and p.page = i.n - 1 and p.accepted
    where r.run_id = $2 and r.spec -> 'walk' ->> 'kind' = 'ids')
  select m.entity, m.parent, m.parent_id, m.external_id, m.records, count(*) over () as total,
    case when e.entity is null then 'unselected'
      when exists (select from sync.dead_letters d where d.run_id = $2 and d.entity = m.parent and d.external_id = m.external_id) then 'dead'
      when a.fresh = 0 then 'absent' when a.id is not null then 'asked' else 'unasked' end as status
  from missing m left join sync.run_entities e on e.run_id = $2 and e.entity = m.parent
    left join asked a on a.entity = m.parent and a.id = m.external_id
  order by row_number() over (partition by m.entity, m.parent order by m.records desc, m.parent_id), m.entity, m.parent limit $3`

interface MissingRow {
  entity: string
  parent: string
  parent_id: string
  external_id: string | null
  records: number
  status: ParentStatus
  total: number
}

export interface MissingFilter {
  readonly limit: number
  /** Of parked records of these entities only, and parents of these. */
  readonly entities?: readonly string[]
  readonly parents?: readonly string[]
}

export const missingParents = async (
  client: Queryable,
  { runId, orgId }: ParkedOf,
  { limit, entities, parents }: MissingFilter,
): Promise<MissingParents> => {
  const among = references.filter(
    ({ child, parent }) => entities?.includes(child.entity) !== false && parents?.includes(parent) !== false,
  )
  if (among.length === 0) return { parents: [], total: 0 }
  const { rows } = await client.query<MissingRow>(missingFrom(among), [orgId, runId, limit])
  return {
    total: rows[0]?.total ?? 0,
    parents: rows.map(({ parent_id, external_id, total: _, ...row }) => ({
      ...row,
      parentId: parent_id,
      externalId: external_id,
    })),
  }
}

/** Parents that were asked for by id in this run already: that is done once. */
export const repairedParents = async (client: Queryable, runId: string): Promise<readonly string[]> => {
  const { rows } = await client.query<{ entity: string }>(
    "select distinct entity from sync.ranges where run_id = $1 and spec -> 'walk' ->> 'kind' = 'ids'",
    [runId],
  )
  return rows.map(({ entity }) => entity)
}
