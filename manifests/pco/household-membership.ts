// Planning Center People: a person in a household, from its own pages or from the pairs in a page of households.
// Must hold: both give the same canonical id. Only the own page has an id of the membership, and one call per household is what the
// pairs save, so the external id is the pair `household:person`, of which the API allows one each.
import { z } from 'zod'
import type { HouseholdMembershipFields } from '../../topics/generated/canonical-types.ts'
import { flag, identifier, text } from '../attributes.ts'
import { defineEntity } from '../entity-manifest.ts'
import type { IncludedLookup, MappingContext, SourceRecord } from '../manifest.ts'
import { idInSelfLink, many, one } from './related.ts'

const attributes = z.object({ id: identifier, person_name: text, pending: flag })

const fieldsOf = (
  a: z.output<typeof attributes>,
  { related }: SourceRecord,
  { ref }: MappingContext,
): HouseholdMembershipFields => ({
  householdId: ref('household', one(related['household'])),
  personId: ref('person', one(related['person'])),
  membershipId: a.id,
  personName: a.person_name,
  pending: a.pending,
})

const pairOf = (householdId: string | null, personId: string | null): string | null =>
  householdId === null || personId === null ? null : `${householdId}:${personId}`

/** The own page names the household only in the record's self link; its id moves into the attributes. */
const normalise = (record: SourceRecord): SourceRecord => {
  const householdId = one(record.related['household']) ?? idInSelfLink(record.raw, 'households')
  return {
    ...record,
    externalId: pairOf(householdId, one(record.related['person'])),
    attributes: record.attributes === null ? null : { ...record.attributes, id: record.externalId },
    related: { ...record.related, household: householdId },
  }
}

const pointer = (type: string, id: string) => ({ data: { type, id } })

/** The resource as the own page would have it, so that a dead letter of it can be replayed. */
const resourceOf = (householdId: string, personId: string, personName: unknown) => ({
  type: 'HouseholdMembership',
  attributes: { person_name: personName },
  relationships: { household: pointer('Household', householdId), person: pointer('Person', personId) },
})

/** A household without id is a dead letter that holds its people: nothing is derived from it. */
const derive = (household: SourceRecord, included: IncludedLookup): readonly SourceRecord[] => {
  const householdId = household.externalId
  if (householdId === null) return []
  return many(household.related['people']).map((personId) => {
    const raw = resourceOf(householdId, personId, included('Person', personId)?.['name'] ?? null)
    return {
      entity: 'household-membership',
      externalId: pairOf(householdId, personId),
      attributes: raw.attributes,
      related: { household: householdId, person: personId },
      raw,
    }
  })
}

export const householdMembership = defineEntity({
  entity: 'household-membership',
  module: 'people',
  resource: { type: 'HouseholdMembership' },
  endpoints: {
    listBy: {
      household: '/people/v2/households/{id}/household_memberships',
      person: '/people/v2/people/{id}/household_memberships',
    },
    // `{id}` is here the membership's own id, not the pair.
    get: '/people/v2/households/{household_id}/household_memberships/{id}',
    create: '/people/v2/households/{household_id}/household_memberships',
    update: { method: 'PATCH', path: '/people/v2/households/{household_id}/household_memberships/{id}' },
    delete: '/people/v2/households/{household_id}/household_memberships/{id}',
  },
  attributes,
  writable: ['pending'],
  relationships: {
    household: { type: 'Household', cardinality: 'one', edge: 'hard' },
    person: { type: 'Person', cardinality: 'one', edge: 'hard' },
  },
  includes: ['household', 'person'],
  orderable: ['pending', 'person_name'],
  queryable: ['pending', 'person_name'],
  paging: { kind: 'parents', parent: 'household' },
  carriedBy: {
    carrier: 'household',
    include: 'people',
    how: 'derived',
    copies: { person_name: { entity: 'person', attribute: 'name' } },
    derive,
  },
  webhooks: [],
  // The pairs of households that have changed; one that changed without its household is found by the next full read.
  strategies: { full: 'carried', delta: 'carried', reconcile: 'carried', webhook: 'none' },
  confirmBelow: 'household',
  normalise,
  canonical: {
    entity: 'household-membership',
    revision: 1,
    map: (a: z.output<typeof attributes>, record: SourceRecord, context: MappingContext) => ({
      fields: fieldsOf(a, record, context),
      sourceUpdatedAt: null,
    }),
  },
})
