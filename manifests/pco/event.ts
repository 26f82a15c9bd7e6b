// Planning Center Groups: a meeting of a group. Not the Event of Calendar, which is another resource.
import { z } from 'zod'
import type { EventFields } from '../../topics/generated/canonical-types.ts'
import { flag, instant, integer, text } from '../attributes.ts'
import { defineEntity } from '../entity-manifest.ts'
import type { MappingContext, SourceRecord } from '../manifest.ts'
import { one } from './related.ts'

const attributes = z.object({
  attendance_requests_enabled: flag,
  automated_reminder_enabled: flag,
  canceled: flag,
  canceled_at: instant,
  description: text,
  ends_at: instant,
  location_type_preference: text,
  multi_day: flag,
  name: text,
  reminders_sent: flag,
  reminders_sent_at: instant,
  repeating: flag,
  starts_at: instant,
  virtual_location_url: text,
  visitors_count: integer,
})

const fieldsOf = (a: z.output<typeof attributes>, { related }: SourceRecord, { ref }: MappingContext): EventFields => ({
  groupId: ref('group', one(related['group'])),
  name: a.name,
  description: a.description,
  startsAt: a.starts_at,
  endsAt: a.ends_at,
  multiDay: a.multi_day,
  repeating: a.repeating,
  repeatingEventExternalId: one(related['repeating_event']),
  canceled: a.canceled,
  canceledAt: a.canceled_at,
  locationExternalId: one(related['location']),
  locationTypePreference: a.location_type_preference,
  virtualLocationUrl: a.virtual_location_url,
  visitorsCount: a.visitors_count,
  attendanceRequestsEnabled: a.attendance_requests_enabled,
  attendanceSubmitterId: ref('person', one(related['attendance_submitter'])),
  automatedReminderEnabled: a.automated_reminder_enabled,
  remindersSent: a.reminders_sent,
  remindersSentAt: a.reminders_sent_at,
})

export const event = defineEntity({
  entity: 'event',
  module: 'groups',
  resource: { type: 'Event' },
  endpoints: {
    list: '/groups/v2/events',
    listBy: { group: '/groups/v2/groups/{id}/events', person: '/groups/v2/people/{id}/events' },
    get: '/groups/v2/events/{id}',
  },
  attributes,
  relationships: {
    attendance_submitter: { type: 'Person', cardinality: 'one' },
    group: { type: 'Group', cardinality: 'one', edge: 'hard' },
    location: { type: 'Location', cardinality: 'one' },
    repeating_event: { type: 'RepeatingEvent', cardinality: 'one' },
  },
  includes: ['group', 'location'],
  orderable: ['ends_at', 'name', 'starts_at'],
  queryable: ['ends_at', 'name', 'starts_at'],
  // starts_at could be both ordered and filtered, but events are moved: a keyset on it would miss what moves behind the cursor.
  paging: { kind: 'offset', order: 'starts_at', mutable: true },
  webhooks: [],
  strategies: { full: 'walk', delta: 'full-and-hash', reconcile: 'walk', webhook: 'none' },
  canonical: {
    entity: 'event',
    revision: 1,
    map: (a: z.output<typeof attributes>, record: SourceRecord, context: MappingContext) => ({
      fields: fieldsOf(a, record, context),
      sourceUpdatedAt: null,
    }),
  },
})
