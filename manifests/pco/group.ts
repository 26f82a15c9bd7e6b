// Planning Center Groups: a group. Nothing in Groups has an updated_at: every sync is full, and unchanged rows are told by content.
import { z } from 'zod'
import type { GroupFields } from '../../topics/generated/canonical-types.ts'
import { flag, instant, integer, json, text } from '../attributes.ts'
import { defineEntity } from '../entity-manifest.ts'
import type { SourceRecord } from '../manifest.ts'
import { one } from './related.ts'

const attributes = z.object({
  archived_at: instant,
  can_create_conversation: flag,
  chat_enabled: flag,
  contact_email: text,
  created_at: instant,
  description: text,
  events_visibility: text,
  header_image: json,
  leaders_can_search_people_database: flag,
  location_type_preference: text,
  members_are_confidential: flag,
  memberships_count: integer,
  name: text,
  public_church_center_web_url: text,
  schedule: text,
  // Documented as an integer, sent as a list of them.
  tag_ids: json,
  virtual_location_url: text,
  widget_status: json,
})

const fieldsOf = (a: z.output<typeof attributes>, { related }: SourceRecord): GroupFields => ({
  name: a.name,
  description: a.description,
  schedule: a.schedule,
  membershipsCount: a.memberships_count,
  groupTypeExternalId: one(related['group_type']),
  locationExternalId: one(related['location']),
  locationTypePreference: a.location_type_preference,
  virtualLocationUrl: a.virtual_location_url,
  contactEmail: a.contact_email,
  publicChurchCenterWebUrl: a.public_church_center_web_url,
  eventsVisibility: a.events_visibility,
  membersAreConfidential: a.members_are_confidential,
  leadersCanSearchPeopleDatabase: a.leaders_can_search_people_database,
  canCreateConversation: a.can_create_conversation,
  chatEnabled: a.chat_enabled,
  tagIds: a.tag_ids,
  headerImage: a.header_image,
  widgetStatus: a.widget_status,
  archivedAt: a.archived_at,
  createdAt: a.created_at,
})

export const group = defineEntity({
  entity: 'group',
  module: 'groups',
  resource: { type: 'Group' },
  endpoints: {
    list: '/groups/v2/groups',
    listBy: { person: '/groups/v2/people/{id}/groups' },
    get: '/groups/v2/groups/{id}',
    update: { method: 'PATCH', path: '/groups/v2/groups/{id}' },
  },
  attributes,
  writable: ['contact_email', 'description', 'events_visibility', 'name', 'schedule', 'virtual_location_url'],
  relationships: {
    group_type: { type: 'GroupType', cardinality: 'one' },
    location: { type: 'Location', cardinality: 'one' },
  },
  includes: ['enrollment', 'group_type', 'location'],
  orderable: ['name'],
  queryable: ['archive_status', 'name'],
  paging: { kind: 'offset', order: 'name', mutable: true },
  webhooks: ['groups.v2.events.group.created', 'groups.v2.events.group.updated', 'groups.v2.events.group.destroyed'],
  strategies: { full: 'walk', delta: 'full-and-hash', reconcile: 'walk', webhook: 'events' },
  canonical: {
    entity: 'group',
    revision: 1,
    map: (a: z.output<typeof attributes>, record: SourceRecord) => ({ fields: fieldsOf(a, record), sourceUpdatedAt: null }),
  },
})
