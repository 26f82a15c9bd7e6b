// An entity of a run that has done nothing yet, unless a test says otherwise.
import type { EntityProgress } from '../../../ledger/progress.ts'
import { plannedEntity } from '../../harness/planned-entity.ts'

export const progressOf = (entity: string, facts: Partial<EntityProgress> = {}): EntityProgress => ({
  ...plannedEntity(entity),
  state: 'waiting',
  reason: null,
  errorCode: null,
  openRanges: 0,
  failedRange: null,
  openLandings: 0,
  parked: 0,
  sweep: 'none',
  repair: 'none',
  reconciled: false,
  dead: 0,
  ...facts,
})
