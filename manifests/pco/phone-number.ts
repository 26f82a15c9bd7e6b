// Planning Center People: a telephone number of a person.
import { z } from 'zod'
import type { PhoneNumberFields } from '../../topics/generated/canonical-types.ts'
import { flag, instant, text } from '../attributes.ts'
import { defineEntity } from '../entity-manifest.ts'
import type { MappingContext, SourceRecord } from '../manifest.ts'
import { one } from './related.ts'

const attributes = z.object({
  number: text,
  carrier: text,
  location: text,
  primary: flag,
  created_at: instant,
  updated_at: instant,
  e164: text,
  international: text,
  national: text,
  country_code: text,
  formatted_number: text,
})

const fieldsOf = (a: z.output<typeof attributes>, { related }: SourceRecord, { ref }: MappingContext): PhoneNumberFields => ({
  personId: ref('person', one(related['person'])),
  number: a.number,
  e164: a.e164,
  international: a.international,
  national: a.national,
  formattedNumber: a.formatted_number,
  countryCode: a.country_code,
  carrier: a.carrier,
  location: a.location,
  primary: a.primary,
  createdAt: a.created_at,
})

export const phoneNumber = defineEntity({
  entity: 'phone-number',
  module: 'people',
  resource: { type: 'PhoneNumber' },
  endpoints: {
    list: '/people/v2/phone_numbers',
    listBy: { person: '/people/v2/people/{id}/phone_numbers' },
    get: '/people/v2/phone_numbers/{id}',
    create: '/people/v2/people/{person_id}/phone_numbers',
    update: { method: 'PATCH', path: '/people/v2/phone_numbers/{id}' },
    delete: '/people/v2/phone_numbers/{id}',
  },
  attributes,
  writable: ['carrier', 'country_code', 'location', 'number', 'primary'],
  relationships: { person: { type: 'Person', cardinality: 'one', edge: 'hard' } },
  includes: [],
  orderable: ['carrier', 'created_at', 'location', 'number', 'primary', 'updated_at'],
  queryable: ['carrier', 'created_at', 'location', 'number', 'primary', 'updated_at'],
  paging: { kind: 'keyset', field: 'created_at' },
  carriedBy: { carrier: 'person', include: 'phone_numbers', how: 'included' },
  deltaField: 'updated_at',
  webhooks: [
    'people.v2.events.phone_number.created',
    'people.v2.events.phone_number.updated',
    'people.v2.events.phone_number.destroyed',
  ],
  strategies: { full: 'carried', delta: 'keyset', reconcile: 'walk', webhook: 'events' },
  canonical: {
    entity: 'phone-number',
    revision: 1,
    map: (a: z.output<typeof attributes>, record: SourceRecord, context: MappingContext) => ({
      fields: fieldsOf(a, record, context),
      sourceUpdatedAt: a.updated_at,
    }),
  },
})
