// Small definitions for tests: an entity `a` of the resource type `A`, with a list ordered by nothing.
import { z } from 'zod'
import type { EntityDefinition } from '../../../manifests/manifest.ts'

export const definitionOf = (
  entity: string,
  relationships: EntityDefinition['relationships'],
  more: Partial<EntityDefinition> = {},
): EntityDefinition => ({
  entity,
  module: 'test',
  resource: { type: entity.toUpperCase() },
  endpoints: { list: `/${entity}` },
  attributes: z.object({}),
  relationships,
  includes: [],
  orderable: [],
  queryable: [],
  paging: { kind: 'offset', order: null, mutable: false },
  webhooks: [],
  strategies: { full: 'walk', delta: 'none', reconcile: 'walk', webhook: 'none' },
  canonical: { entity, revision: 1, map: () => ({ fields: {}, sourceUpdatedAt: null }) },
  ...more,
})
