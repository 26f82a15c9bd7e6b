// Planning Center People: a postal address of a person. Versions before 2021 have `street` in place of the lines: a custom field.
import { z } from 'zod'
import type { AddressFields } from '../../topics/generated/canonical-types.ts'
import { flag, instant, text } from '../attributes.ts'
import { defineEntity } from '../entity-manifest.ts'
import type { MappingContext, SourceRecord } from '../manifest.ts'
import { one } from './related.ts'

const attributes = z.object({
  city: text,
  state: text,
  zip: text,
  country_code: text,
  location: text,
  primary: flag,
  street_line_1: text,
  street_line_2: text,
  created_at: instant,
  updated_at: instant,
  country_name: text,
})

const fieldsOf = (a: z.output<typeof attributes>, { related }: SourceRecord, { ref }: MappingContext): AddressFields => ({
  personId: ref('person', one(related['person'])),
  streetLine1: a.street_line_1,
  streetLine2: a.street_line_2,
  city: a.city,
  state: a.state,
  zip: a.zip,
  countryCode: a.country_code,
  countryName: a.country_name,
  location: a.location,
  primary: a.primary,
  createdAt: a.created_at,
})

export const address = defineEntity({
  entity: 'address',
  module: 'people',
  resource: { type: 'Address' },
  endpoints: {
    list: '/people/v2/addresses',
    listBy: { person: '/people/v2/people/{id}/addresses' },
    get: '/people/v2/addresses/{id}',
    create: '/people/v2/people/{person_id}/addresses',
    update: { method: 'PATCH', path: '/people/v2/addresses/{id}' },
    delete: '/people/v2/addresses/{id}',
  },
  attributes,
  writable: ['city', 'country_code', 'location', 'primary', 'state', 'street_line_1', 'street_line_2', 'zip'],
  relationships: { person: { type: 'Person', cardinality: 'one', edge: 'hard' } },
  includes: [],
  orderable: [
    'city',
    'country_code',
    'created_at',
    'location',
    'primary',
    'state',
    'street_line_1',
    'street_line_2',
    'updated_at',
    'zip',
  ],
  // Neither created_at nor updated_at can be filtered: no keyset, and a delta walks down from the newest to the watermark.
  queryable: ['city', 'country_code', 'location', 'primary', 'state', 'street_line_1', 'street_line_2', 'zip'],
  paging: { kind: 'offset', order: 'created_at', mutable: false },
  carriedBy: { carrier: 'person', include: 'addresses', how: 'included' },
  deltaField: 'updated_at',
  webhooks: ['people.v2.events.address.created', 'people.v2.events.address.updated', 'people.v2.events.address.destroyed'],
  strategies: { full: 'carried', delta: 'walk-down', reconcile: 'walk', webhook: 'events' },
  canonical: {
    entity: 'address',
    revision: 1,
    map: (a: z.output<typeof attributes>, record: SourceRecord, context: MappingContext) => ({
      fields: fieldsOf(a, record, context),
      sourceUpdatedAt: a.updated_at,
    }),
  },
})
