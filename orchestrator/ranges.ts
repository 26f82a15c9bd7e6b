// The ranges that an entity's walk begins with.
import type { EntityProgress } from '../ledger/entities.ts'
import type { NewRange } from '../ledger/ranges.ts'
import type { WalkSpec } from '../manifests/walk.ts'
import type { Queryable } from '../platform/postgres.ts'
import { canonicalEntity } from '../topics/canonical.ts'

/** A walk below parents makes one request a parent at least: several ranges share them, none has more than 500. */
const PARENT_RANGES = 8
const MAX_PARENTS_PER_RANGE = 500
const MIN_PARENTS_PER_RANGE = 20

const parentsPerRange = (parents: number): number =>
  Math.min(MAX_PARENTS_PER_RANGE, Math.max(MIN_PARENTS_PER_RANGE, Math.ceil(parents / PARENT_RANGES)))

/** A range of the entity's walk; one whose proof needs distinct ids is counted. */
export const rangeOf = (entity: Pick<EntityProgress, 'entity' | 'carries'>, walk: WalkSpec): NewRange => ({
  spec: { entity: entity.entity, walk, carries: walk.kind === 'count' ? [] : entity.carries },
  counted: walk.kind === 'offset',
})

/** External ids of the parent entity's live rows, taken now: the parent has ended. */
const parentIds = async (client: Queryable, orgId: string, source: string, parent: string): Promise<readonly string[]> => {
  const { table } = canonicalEntity(parent)
  const { rows } = await client.query<{ external_id: string }>(
    `select external_id from canonical.${table} where org_id = $1 and source = $2 and deleted_at is null order by id`,
    [orgId, source],
  )
  return rows.map((row) => row.external_id)
}

const chunks = <T>(items: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))

export const firstRanges = async (
  client: Queryable,
  run: { readonly orgId: string; readonly source: string },
  entity: EntityProgress,
): Promise<readonly NewRange[]> => {
  const { paging } = entity
  if (entity.carrier !== null) return []
  if (paging.kind === 'keyset')
    return [rangeOf(entity, { kind: 'keyset', field: paging.field, from: null, to: null, split: true })]
  if (paging.kind === 'offset') return [rangeOf(entity, { kind: 'offset', order: paging.order, sweep: 1 })]
  const ids = await parentIds(client, run.orgId, run.source, paging.parent)
  return chunks(ids, parentsPerRange(ids.length)).map((part) =>
    rangeOf(entity, { kind: 'parents', parent: paging.parent, ids: part }),
  )
}
