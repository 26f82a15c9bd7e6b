// Planning Center People: a household. Its pages carry the pairs of household and person, see household-membership.ts.
import { z } from 'zod'
import type { HouseholdFields } from '../../topics/generated/canonical-types.ts'
import { identifier, instant, integer, text } from '../attributes.ts'
import { defineEntity } from '../entity-manifest.ts'
import type { MappingContext, SourceRecord } from '../manifest.ts'
import { one } from './related.ts'

const attributes = z.object({
  name: text,
  member_count: integer,
  primary_contact_name: text,
  created_at: instant,
  updated_at: instant,
  avatar: text,
  primary_contact_id: identifier,
})

const fieldsOf = (a: z.output<typeof attributes>, { related }: SourceRecord, { ref }: MappingContext): HouseholdFields => ({
  name: a.name,
  memberCount: a.member_count,
  primaryContactId: ref('person', one(related['primary_contact']) ?? a.primary_contact_id),
  primaryContactName: a.primary_contact_name,
  avatar: a.avatar,
  createdAt: a.created_at,
})

export const household = defineEntity({
  entity: 'household',
  module: 'people',
  resource: { type: 'Household' },
  endpoints: {
    list: '/people/v2/households',
    listBy: { person: '/people/v2/people/{id}/households' },
    get: '/people/v2/households/{id}',
    create: '/people/v2/households',
    update: { method: 'PATCH', path: '/people/v2/households/{id}' },
    delete: '/people/v2/households/{id}',
  },
  attributes,
  writable: ['name', 'primary_contact_id'],
  relationships: {
    primary_contact: {
      type: 'Person',
      cardinality: 'one',
      edge: 'cut',
      reason: 'people come after households; the id of the contact needs no person to be there first',
    },
    people: { type: 'Person', cardinality: 'many' },
  },
  includes: ['people'],
  orderable: ['created_at', 'member_count', 'name', 'primary_contact_name', 'updated_at'],
  queryable: ['created_at', 'member_count', 'name', 'primary_contact_name', 'updated_at'],
  paging: { kind: 'keyset', field: 'created_at' },
  deltaField: 'updated_at',
  webhooks: ['people.v2.events.household.created', 'people.v2.events.household.updated', 'people.v2.events.household.destroyed'],
  strategies: { full: 'walk', delta: 'keyset', reconcile: 'walk', webhook: 'events' },
  canonical: {
    entity: 'household',
    revision: 1,
    map: (a: z.output<typeof attributes>, record: SourceRecord, context: MappingContext) => ({
      fields: fieldsOf(a, record, context),
      sourceUpdatedAt: a.updated_at,
    }),
  },
})
