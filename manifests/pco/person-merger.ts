// Planning Center People: two people who were found to be one. It has no rows of its own: it says that the removed person is gone, and
// which one was kept. The API lists it for good, so that a merge is found at any time after.
import { z } from 'zod'
import { identifier, instant } from '../attributes.ts'
import { defineEntity } from '../entity-manifest.ts'
import type { MappingContext, SourceRecord } from '../manifest.ts'
import { noFields } from '../tombstone.ts'
import { parseId } from '../values.ts'
import { one } from './related.ts'

const attributes = z.object({ created_at: instant, person_to_keep_id: identifier, person_to_remove_id: identifier })

const personIn = ({ attributes: given, related }: SourceRecord, name: 'person_to_keep' | 'person_to_remove'): string | null =>
  one(related[name]) ?? parseId(given?.[`${name}_id`]) ?? null

/** The record is one of the removed person. */
const normalise = (record: SourceRecord): SourceRecord => ({ ...record, externalId: personIn(record, 'person_to_remove') })

export const personMerger = defineEntity({
  entity: 'person-merger',
  module: 'people',
  resource: { type: 'PersonMerger' },
  endpoints: { list: '/people/v2/person_mergers', get: '/people/v2/person_mergers/{id}' },
  attributes,
  // After the people: what it says of one stands then against what their list said.
  relationships: {
    person_to_keep: { type: 'Person', cardinality: 'one' },
    person_to_remove: { type: 'Person', cardinality: 'one' },
  },
  includes: [],
  orderable: ['created_at'],
  queryable: ['created_at', 'person_to_keep_id', 'person_to_remove_id'],
  mergedField: 'person_to_remove_id',
  paging: { kind: 'keyset', field: 'created_at' },
  deltaField: 'created_at',
  webhooks: ['people.v2.events.person_merger.created'],
  // A full sync deletes nothing. Each reconciliation reads all of them, so that a person who was found to be gone before the merge
  // was known gets the pointer.
  strategies: { full: 'none', delta: 'keyset', reconcile: 'walk', webhook: 'events' },
  normalise,
  canonical: {
    entity: 'person',
    revision: 1,
    map: (a: z.output<typeof attributes>, record: SourceRecord, { ref }: MappingContext) => ({
      fields: { ...noFields('person'), mergedIntoId: ref('person', personIn(record, 'person_to_keep')) },
      sourceUpdatedAt: null,
      // The API's own time: the same record gives the same tombstone.
      deletedAt: a.created_at ?? 0,
    }),
  },
})
