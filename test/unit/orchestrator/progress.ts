// An entity of a run that has done nothing yet, unless a test says otherwise.
import { type EntityProgress, IDLE } from '../../../ledger/progress.ts'
import { plannedEntity } from '../../harness/planned-entity.ts'

export const progressOf = (entity: string, facts: Partial<EntityProgress> = {}): EntityProgress => ({
  ...plannedEntity(entity),
  ...IDLE,
  state: 'waiting',
  ...facts,
})
