// The ranges that an entity's walk begins with, and those that ask after rows which a walk did not show.
import { approvedRows } from '../ledger/deletions.ts'
import type { EntityProgress } from '../ledger/progress.ts'
import type { NewRange } from '../ledger/ranges.ts'
import type { Run } from '../ledger/runs.ts'
import { askingAfter } from '../manifests/by-id.ts'
import type { EntityDefinition } from '../manifests/manifest.ts'
import type { EntityPlan } from '../manifests/plan.ts'
import type { MissingRow, WalkSpec } from '../manifests/walk.ts'
import type { Queryable } from '../platform/postgres.ts'
import { canonicalEntity } from '../topics/canonical.ts'

/** A walk below parents makes one request a parent at least: several ranges share them, none has more than 500. */
const PARENT_RANGES = 8
const MAX_PARENTS_PER_RANGE = 500
const MIN_PARENTS_PER_RANGE = 20

const parentsPerRange = (parents: number): number =>
  Math.min(MAX_PARENTS_PER_RANGE, Math.max(MIN_PARENTS_PER_RANGE, Math.ceil(parents / PARENT_RANGES)))

type Walked = Pick<EntityProgress, 'entity' | 'carries'>

/** A range of the entity's walk; one whose proof needs distinct ids is counted. */
export const rangeOf = (entity: Walked, walk: WalkSpec, counted = walk.kind === 'offset'): NewRange => ({
  spec: { entity: entity.entity, walk, carries: walk.kind === 'count' || walk.kind === 'confirm' ? [] : entity.carries },
  counted,
})

/** A range of a run's walk: a reconciliation must know every id that is shown. */
export const walkRange = (run: Pick<Run, 'strategy'>, entity: Walked, walk: WalkSpec): NewRange =>
  rangeOf(entity, walk, walk.kind === 'offset' || (run.strategy === 'reconcile' && walk.kind !== 'count'))

const ROWS_PER_RANGE = 100

/**
 * Several ranges, so that rows are asked after side by side; each row has a page of its own. One that cannot be asked after, its
 * parent being unknown, is left as it is.
 */
export const confirmRanges = (definition: EntityDefinition, rows: readonly MissingRow[]): readonly NewRange[] => {
  const askable = rows.filter((row) => askingAfter(definition, row) !== undefined)
  const walked = { entity: definition.entity, carries: [] }
  return chunks(askable, ROWS_PER_RANGE).map((part) => rangeOf(walked, { kind: 'confirm', rows: part }))
}

/** External ids of the parent entity's live rows, taken now: the parent has ended. */
const parentIds = async (client: Queryable, orgId: string, source: string, parent: string): Promise<readonly string[]> => {
  const { table } = canonicalEntity(parent)
  const { rows } = await client.query<{ external_id: string }>(
    `select external_id from canonical.${table} where org_id = $1 and source = $2 and deleted_at is null order by id`,
    [orgId, source],
  )
  return rows.map((row) => row.external_id)
}

const chunks = <T>(items: readonly T[], size: number): (readonly T[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, i) => items.slice(i * size, (i + 1) * size))

/** How many ranges share so many parents. */
export const parentRanges = (parents: number): number => Math.ceil(parents / parentsPerRange(parents))

/** What an entity's own walk begins with; null: it has none that can be told before its parents are known. */
export const firstWalk = ({ carrier, changes, paging }: Pick<EntityPlan, 'carrier' | 'changes' | 'paging'>): WalkSpec | null => {
  if (carrier !== null) return null
  if (changes?.direction === 'down') return { kind: 'down', field: changes.field, until: changes.since }
  if (changes !== null) return { kind: 'keyset', field: changes.field, from: changes.since, to: null, split: true }
  if (paging.kind === 'keyset') return { kind: 'keyset', field: paging.field, from: null, to: null, split: true }
  return paging.kind === 'offset' ? { kind: 'offset', order: paging.order, sweep: 1 } : null
}

export const firstRanges = async (
  client: Queryable,
  run: Run,
  entity: EntityProgress,
  definition: EntityDefinition,
): Promise<readonly NewRange[]> => {
  const { paging } = entity
  if (run.approves !== null) return confirmRanges(definition, await approvedRows(client, run, entity.entity))
  const walk = firstWalk(entity)
  if (walk !== null) return [walkRange(run, entity, walk)]
  if (entity.carrier !== null || paging.kind !== 'parents') return []
  const ids = await parentIds(client, run.orgId, run.source, paging.parent)
  return chunks(ids, parentsPerRange(ids.length)).map((part) =>
    walkRange(run, entity, { kind: 'parents', parent: paging.parent, ids: part }),
  )
}
