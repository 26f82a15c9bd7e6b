// Which entities of an ended run are to be taken up again: those that did not come to their end, and what cannot be without them. Pure.
import type { EntityProgress } from '../ledger/progress.ts'

type Ended = Pick<EntityProgress, 'entity' | 'state' | 'hard' | 'carrier'>

const LOST: ReadonlySet<Ended['state']> = new Set(['failed', 'skipped', 'cancelled'])

/** In the order of the run. Carried entities come again with what carries them. */
export const retrySelection = (entities: readonly Ended[]): readonly string[] => {
  const chosen = new Set(entities.filter(({ state }) => LOST.has(state)).map(({ entity }) => entity))
  // Entities stand after what they depend on: one pass is enough.
  for (const { entity, hard, carrier } of entities) {
    if (hard.some((parent) => chosen.has(parent)) || (carrier !== null && chosen.has(carrier))) chosen.add(entity)
  }
  return entities.filter(({ entity }) => chosen.has(entity)).map(({ entity }) => entity)
}
