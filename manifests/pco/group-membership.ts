// Planning Center Groups: a person in a group. There is no list of all memberships, only those of one group or one person.
import { z } from 'zod'
import type { GroupMembershipFields } from '../../topics/generated/canonical-types.ts'
import { instant, text } from '../attributes.ts'
import { defineEntity } from '../entity-manifest.ts'
import type { MappingContext, SourceRecord } from '../manifest.ts'
import { idInSelfLink, one } from './related.ts'

const attributes = z.object({ joined_at: instant, role: text })

const fieldsOf = (
  a: z.output<typeof attributes>,
  { related, raw }: SourceRecord,
  { ref }: MappingContext,
): GroupMembershipFields => ({
  groupId: ref('group', one(related['group']) ?? idInSelfLink(raw, 'groups')),
  personId: ref('person', one(related['person'])),
  role: a.role,
  joinedAt: a.joined_at,
})

export const groupMembership = defineEntity({
  entity: 'group-membership',
  module: 'groups',
  resource: { type: 'Membership' },
  endpoints: {
    listBy: { group: '/groups/v2/groups/{id}/memberships', person: '/groups/v2/people/{id}/memberships' },
    get: '/groups/v2/groups/{group_id}/memberships/{id}',
    create: '/groups/v2/groups/{group_id}/memberships',
    update: { method: 'PATCH', path: '/groups/v2/groups/{group_id}/memberships/{id}' },
    delete: '/groups/v2/groups/{group_id}/memberships/{id}',
  },
  attributes,
  writable: ['joined_at', 'role'],
  relationships: {
    group: { type: 'Group', cardinality: 'one', edge: 'hard' },
    person: { type: 'Person', cardinality: 'one', edge: 'hard' },
  },
  includes: ['person'],
  orderable: ['first_name', 'joined_at', 'last_name', 'role'],
  queryable: ['role'],
  paging: { kind: 'parents', parent: 'group' },
  webhooks: [
    'groups.v2.events.membership.created',
    'groups.v2.events.membership.updated',
    'groups.v2.events.membership.destroyed',
  ],
  strategies: { full: 'by-parent', delta: 'by-parent', reconcile: 'walk', webhook: 'events' },
  canonical: {
    entity: 'group-membership',
    revision: 1,
    map: (a: z.output<typeof attributes>, record: SourceRecord, context: MappingContext) => ({
      fields: fieldsOf(a, record, context),
      sourceUpdatedAt: null,
    }),
  },
})
