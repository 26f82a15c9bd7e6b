// Which entities of an ended run are to be taken up again: those that did not come to their end, and what cannot be without them. Pure.
import type { EntityProgress } from '../ledger/progress.ts'
import type { Strategy } from '../manifests/strategy.ts'

type Ended = Pick<EntityProgress, 'entity' | 'state' | 'hard' | 'carrier' | 'paging'>

const LOST: ReadonlySet<Ended['state']> = new Set(['failed', 'skipped', 'cancelled'])

/**
 * In the order of the run. Carried entities come again with what carries them; and of a reconciliation, what is read below each row of another
 * comes with that one: only where both are known to be all can rows be missing (orchestrator/proof.ts).
 */
export const retrySelection = (entities: readonly Ended[], strategy: Strategy): readonly string[] => {
  const chosen = new Set(entities.filter(({ state }) => LOST.has(state)).map(({ entity }) => entity))
  // Entities stand after what they depend on: one pass is enough.
  for (const { entity, hard, carrier } of entities) {
    if (hard.some((parent) => chosen.has(parent)) || (carrier !== null && chosen.has(carrier))) chosen.add(entity)
  }
  if (strategy === 'reconcile')
    for (const { entity, paging } of entities) if (paging.kind === 'parents' && chosen.has(entity)) chosen.add(paging.parent)
  return entities.filter(({ entity }) => chosen.has(entity)).map(({ entity }) => entity)
}
