// What a run's entities should do next, from their progress alone: pure, so that two leaders decide the same.
import type { EntityState } from '../ledger/entities.ts'
import type { EntityProgress } from '../ledger/progress.ts'

export type Decision =
  | { readonly kind: 'start' | 'landed' | 'sweep'; readonly entity: string }
  | { readonly kind: 'judge'; readonly entity: string }
  | {
      readonly kind: 'skip' | 'fail'
      readonly entity: string
      readonly from: EntityState
      readonly code: string
      readonly reason: string
    }

const ENDED: ReadonlySet<EntityState> = new Set(['closed', 'unproven', 'failed', 'skipped', 'cancelled'])
const LOST: ReadonlySet<EntityState> = new Set(['failed', 'skipped', 'cancelled'])

export const hasEnded = (entity: Pick<EntityProgress, 'state'>): boolean => ENDED.has(entity.state)

/** The entities of a run by their names. */
export type ByName = ReadonlyMap<string, EntityProgress>

export const byName = (entities: readonly EntityProgress[]): ByName => new Map(entities.map((entity) => [entity.entity, entity]))

const lostParent = (entity: EntityProgress, all: ByName): EntityProgress | undefined => {
  const needed = entity.carrier === null ? entity.hard : [...entity.hard, entity.carrier]
  return needed.map((name) => all.get(name)).find((parent) => parent !== undefined && LOST.has(parent.state))
}

const mayStart = (entity: EntityProgress, all: ByName): boolean => {
  if (entity.carrier !== null) return all.get(entity.carrier)?.state !== 'waiting'
  return [...entity.hard, ...entity.soft].every((name) => {
    const dependency = all.get(name)
    return dependency === undefined || hasEnded(dependency)
  })
}

/** A carried entity closes no earlier than its carrier and its hard parents. */
const mayClose = (entity: EntityProgress, all: ByName): boolean =>
  [...entity.hard, ...(entity.carrier === null ? [] : [entity.carrier])].every((name) => {
    const dependency = all.get(name)
    return dependency === undefined || hasEnded(dependency)
  })

const decideLanding = (entity: EntityProgress, all: ByName): Decision | undefined => {
  if (entity.openLandings > 0 || !mayClose(entity, all)) return undefined
  if (entity.parked > 0 && entity.sweep === 'none') return { kind: 'sweep', entity: entity.entity }
  if (entity.parked > 0 && (entity.sweep === 'requested' || entity.repair === 'ready')) return undefined
  return { kind: 'judge', entity: entity.entity }
}

const decideOne = (entity: EntityProgress, all: ByName): Decision | undefined => {
  if (hasEnded(entity)) return undefined
  const lost = lostParent(entity, all)
  if (lost !== undefined) {
    const reason = `${lost.entity}, which it depends on, ${lost.state === 'failed' ? 'failed' : 'was skipped'}`
    return { kind: 'skip', entity: entity.entity, from: entity.state, code: lost.errorCode ?? 'internal', reason }
  }
  if (entity.failedRange !== null) {
    return { kind: 'fail', entity: entity.entity, from: entity.state, ...entity.failedRange }
  }
  switch (entity.state) {
    case 'waiting':
      return mayStart(entity, all) ? { kind: 'start', entity: entity.entity } : undefined
    case 'fetching':
      return entity.openRanges === 0 ? { kind: 'landed', entity: entity.entity } : undefined
    default:
      return decideLanding(entity, all)
  }
}

/** The next step of every entity that can take one, in plan order. */
export const decide = (entities: readonly EntityProgress[]): readonly Decision[] => {
  const all = byName(entities)
  return entities.map((entity) => decideOne(entity, all)).filter((decision) => decision !== undefined)
}

const isReadyForRepair = (entity: EntityProgress, all: ByName): boolean =>
  entity.state === 'landing' &&
  entity.repair === 'ready' &&
  entity.parked > 0 &&
  entity.openLandings === 0 &&
  mayClose(entity, all)

/** Nothing will come of it by itself: it has ended, or waits for others. */
const isQuiet = (entity: EntityProgress, all: ByName): boolean => {
  if (hasEnded(entity)) return true
  if (entity.state === 'waiting') return !mayStart(entity, all)
  if (entity.state !== 'landing' || entity.openLandings > 0) return false
  return !mayClose(entity, all) || isReadyForRepair(entity, all)
}

/**
 * The entities whose missing parents are to be fetched by id now: those that would close but for their parked rows, once nothing
 * else in the run goes on. One repair then serves all that wait for the same parents. Never a deadlock: of entities that wait for
 * each other's end one waits for none, and if it has not ended it is among these.
 */
export const decideRepair = (entities: readonly EntityProgress[]): readonly string[] => {
  const all = byName(entities)
  if (!entities.every((entity) => isQuiet(entity, all))) return []
  return entities.filter((entity) => isReadyForRepair(entity, all)).map(({ entity }) => entity)
}

export interface RunEnd {
  readonly state: 'complete' | 'complete_with_exceptions' | 'failed'
  readonly errorCode: string | null
  readonly reason: string | null
}

const counted = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

/** The end of a run whose entities have all ended; undefined while one has not. */
export const decideEnd = (
  entities: readonly Pick<EntityProgress, 'entity' | 'state' | 'reason' | 'errorCode'>[],
  exceptions: { readonly dead: number; readonly parked: number; readonly deletions?: number },
): RunEnd | undefined => {
  if (!entities.every(hasEnded)) return undefined
  const failed = entities.find((entity) => entity.state === 'failed') ?? entities.find((entity) => LOST.has(entity.state))
  if (failed)
    return { state: 'failed', errorCode: failed.errorCode, reason: `${failed.entity}: ${failed.reason ?? failed.state}` }
  const unproven = entities.filter((entity) => entity.state === 'unproven').map((entity) => entity.entity)
  const { deletions = 0 } = exceptions
  const reasons = [
    ...(exceptions.dead > 0 ? [counted(exceptions.dead, 'dead letter')] : []),
    ...(exceptions.parked > 0 ? [`${counted(exceptions.parked, 'record')} parked for a missing parent`] : []),
    ...(deletions > 0 ? [`${counted(deletions, 'deletion')} waiting for an approval`] : []),
    ...(unproven.length > 0 ? [`not proven complete: ${unproven.join(', ')}`] : []),
  ]
  if (reasons.length === 0) return { state: 'complete', errorCode: null, reason: null }
  return { state: 'complete_with_exceptions', errorCode: null, reason: reasons.join('; ') }
}
