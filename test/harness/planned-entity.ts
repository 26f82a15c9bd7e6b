// An entity as it is planned, walked along a key and depending on nothing, unless a test says otherwise.
import type { EntityPlan } from '../../manifests/plan.ts'

export const plannedEntity = (entity: string, more: Partial<EntityPlan> = {}): EntityPlan => ({
  entity,
  ordinal: 0,
  tier: 0,
  hard: [],
  soft: [],
  carrier: null,
  carries: [],
  paging: { kind: 'keyset', field: 'created_at' },
  changes: null,
  why: null,
  ...more,
})
