// Planning Center People: an e-mail address of a person.
import { z } from 'zod'
import type { EmailFields } from '../../topics/generated/canonical-types.ts'
import { flag, instant, text } from '../attributes.ts'
import { defineEntity } from '../entity-manifest.ts'
import type { MappingContext, SourceRecord } from '../manifest.ts'
import { one } from './related.ts'

const attributes = z.object({
  address: text,
  location: text,
  primary: flag,
  created_at: instant,
  updated_at: instant,
  blocked: flag,
})

const fieldsOf = (a: z.output<typeof attributes>, { related }: SourceRecord, { ref }: MappingContext): EmailFields => ({
  personId: ref('person', one(related['person'])),
  address: a.address,
  location: a.location,
  primary: a.primary,
  blocked: a.blocked,
  createdAt: a.created_at,
})

export const email = defineEntity({
  entity: 'email',
  module: 'people',
  resource: { type: 'Email' },
  endpoints: {
    list: '/people/v2/emails',
    listBy: { person: '/people/v2/people/{id}/emails' },
    get: '/people/v2/emails/{id}',
    create: '/people/v2/people/{person_id}/emails',
    update: { method: 'PATCH', path: '/people/v2/emails/{id}' },
    delete: '/people/v2/emails/{id}',
  },
  attributes,
  writable: ['address', 'location', 'primary'],
  relationships: { person: { type: 'Person', cardinality: 'one', edge: 'hard' } },
  includes: [],
  orderable: ['address', 'created_at', 'location', 'primary', 'updated_at'],
  queryable: ['address', 'blocked', 'created_at', 'location', 'primary', 'updated_at'],
  paging: { kind: 'keyset', field: 'created_at' },
  carriedBy: { carrier: 'person', include: 'emails', how: 'included' },
  deltaField: 'updated_at',
  webhooks: ['people.v2.events.email.created', 'people.v2.events.email.updated', 'people.v2.events.email.destroyed'],
  strategies: { full: 'carried', delta: 'keyset', reconcile: 'walk', webhook: 'events' },
  canonical: {
    entity: 'email',
    revision: 1,
    map: (a: z.output<typeof attributes>, record: SourceRecord, context: MappingContext) => ({
      fields: fieldsOf(a, record, context),
      sourceUpdatedAt: a.updated_at,
    }),
  },
})
