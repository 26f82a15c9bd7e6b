// The three resources of Planning Center Groups, version 2023-07-10: no updated_at anywhere.
import { type EntitySpec, ofPerson, typed, words } from './spec.ts'

export const group: EntitySpec = {
  entity: 'group',
  product: 'groups',
  type: 'Group',
  segment: 'groups',
  attributes: typed({
    string: `contact_email description events_visibility location_type_preference name public_church_center_web_url schedule
      virtual_location_url`,
    boolean: 'can_create_conversation chat_enabled leaders_can_search_people_database members_are_confidential',
    integer: 'memberships_count tag_ids',
    date_time: 'archived_at created_at',
    json: 'header_image widget_status',
  }),
  readOnly: words('archived_at created_at memberships_count header_image widget_status public_church_center_web_url'),
  required: ['name'],
  relationships: { group_type: { type: 'GroupType' }, location: { type: 'Location' } },
  shownLinks: [],
  links: {
    events: { kind: 'children', of: 'event', by: 'group' },
    memberships: { kind: 'children', of: 'group-membership', by: 'group' },
    people: { kind: 'through', of: 'group-membership', by: 'group', to: 'person' },
  },
  include: words('enrollment group_type location'),
  order: ['name'],
  query: words('archive_status name'),
  methods: ['PATCH'],
}

export const groupMembership: EntitySpec = {
  entity: 'group-membership',
  product: 'groups',
  type: 'Membership',
  segment: 'memberships',
  below: { segment: 'groups', relationship: 'group' },
  attributes: typed({ string: 'role', date_time: 'joined_at' }),
  readOnly: [],
  required: [],
  relationships: { group: { type: 'Group', to: 'group', owner: true }, ...ofPerson },
  shownLinks: [],
  links: { group: { kind: 'one', relationship: 'group' }, person: { kind: 'one', relationship: 'person' } },
  include: ['person'],
  order: words('first_name joined_at last_name role'),
  query: ['role'],
  methods: ['POST', 'PATCH', 'DELETE'],
}

export const event: EntitySpec = {
  entity: 'event',
  product: 'groups',
  type: 'Event',
  segment: 'events',
  attributes: typed({
    string: 'description location_type_preference name virtual_location_url',
    boolean: 'attendance_requests_enabled automated_reminder_enabled canceled multi_day reminders_sent repeating',
    integer: 'visitors_count',
    date_time: 'canceled_at ends_at reminders_sent_at starts_at',
  }),
  readOnly: [],
  required: [],
  relationships: {
    attendance_submitter: { type: 'Person' },
    group: { type: 'Group', to: 'group', owner: true },
    location: { type: 'Location' },
    repeating_event: { type: 'RepeatingEvent' },
  },
  shownLinks: [],
  links: { group: { kind: 'one', relationship: 'group' } },
  include: words('group location'),
  order: words('ends_at name starts_at'),
  query: words('ends_at name starts_at'),
  methods: [],
}
