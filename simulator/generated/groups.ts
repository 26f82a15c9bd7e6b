// Generated groups, their memberships and events.
import type { Layout } from './layout.ts'
import { childrenBelow } from './people.ts'
import { type Dice, oneIn, oneOf } from './random.ts'
import { refTo, type Table } from './table.ts'
import { createTimeline, isoTime } from './times.ts'
import { CITIES, GROUP_THEMES, WEEKDAYS } from './words.ts'

const DAY = 86_400

const groupName = (dice: Dice) => {
  const theme = oneOf(dice('group.theme'), GROUP_THEMES)
  const city = oneOf(dice('group.city'), CITIES)
  return (row: number) => `${theme(row)} ${city(row)[0]} ${row + 1}`
}

export const createGroups = (dice: Dice, layout: Layout): Table => {
  const { created } = createTimeline(dice, 'group', layout.groups)
  const archived = oneIn(dice('group.archived'), 25)
  const confidential = oneIn(dice('group.confidential'), 10)
  const chat = oneIn(dice('group.chat'), 3)
  const weekday = oneOf(dice('group.weekday'), WEEKDAYS)
  const preference = oneOf(dice('group.preference'), ['physical', 'physical', 'virtual'])
  const kind = dice('group.type')
  return {
    type: 'Group',
    rows: layout.groups,
    attributes: {
      archived_at: (row) => (archived(row) ? isoTime(created(row) + 200 * DAY) : null),
      can_create_conversation: chat,
      chat_enabled: chat,
      contact_email: (row) => (row % 3 === 0 ? `group.${row}@example.org` : null),
      description: (row) => (row % 4 === 0 ? '<p>All are welcome.</p>\n<p>Bring a "friend".</p>' : null),
      events_visibility: oneOf(dice('group.visibility'), ['public', 'members']),
      header_image: (row) => ({
        thumbnail: `https://groups-production.example.org/${row}/thumbnail.png`,
        medium: `https://groups-production.example.org/${row}/medium.png`,
        original: `https://groups-production.example.org/${row}/original.png`,
      }),
      leaders_can_search_people_database: (row) => row % 2 === 0,
      location_type_preference: preference,
      members_are_confidential: confidential,
      memberships_count: (row) => layout.groupMembers.start(row + 1) - layout.groupMembers.start(row),
      name: groupName(dice),
      public_church_center_web_url: (row) => `https://church.example.org/groups/${row}`,
      schedule: (row) => `Every ${weekday(row)} at 7pm`,
      tag_ids: () => null,
      virtual_location_url: (row) => (preference(row) === 'virtual' ? `https://meet.example.org/${row}` : null),
      widget_status: (row) => ({ enabled: row % 5 === 0 }),
    },
    relationships: {
      group_type: (row) => refTo('GroupType', kind(row) % 4),
      location: (row) => (preference(row) === 'virtual' ? null : refTo('Location', row)),
    },
    times: { created_at: created },
  }
}

/** Memberships by person, found once for all people when first asked for. */
const byPerson = (layout: Layout) => {
  let rows: Map<number, number[]> | undefined
  return (person: number): readonly number[] => {
    if (rows === undefined) {
      rows = new Map()
      for (let row = 0; row < layout.groupMembers.rows; row++) {
        const member = layout.groupMember(row)
        const known = rows.get(member)
        if (known === undefined) rows.set(member, [row])
        else known.push(row)
      }
    }
    return rows.get(person) ?? []
  }
}

export const createGroupMemberships = (dice: Dice, layout: Layout): Table => {
  const { created } = createTimeline(dice, 'group', layout.groups)
  const after = dice('group-membership.joined')
  const { owner, start } = layout.groupMembers
  const joined = (row: number) => created(owner(row)) + (after(row) % (400 * DAY))
  return {
    type: 'Membership',
    rows: layout.groupMembers.rows,
    attributes: {
      role: (row) => (row === start(owner(row)) ? 'leader' : 'member'),
    },
    relationships: {
      group: (row) => refTo('Group', owner(row)),
      person: (row) => refTo('Person', layout.groupMember(row)),
    },
    children: { group: childrenBelow(start), person: byPerson(layout) },
    times: { joined_at: joined },
  }
}

export const createEvents = (dice: Dice, layout: Layout): Table => {
  const { created } = createTimeline(dice, 'group', layout.groups)
  const { owner, start } = layout.events
  const name = groupName(dice)
  const starts = (row: number) => created(owner(row)) + 19 * 3600 + (row - start(owner(row)) + 1) * 7 * DAY
  const canceled = oneIn(dice('event.canceled'), 20)
  const visitors = dice('event.visitors')
  return {
    type: 'Event',
    rows: layout.events.rows,
    attributes: {
      attendance_requests_enabled: (row) => row % 2 === 0,
      automated_reminder_enabled: (row) => row % 3 === 0,
      canceled,
      canceled_at: (row) => (canceled(row) ? isoTime(starts(row) - DAY) : null),
      description: (row) => (row % 5 === 0 ? '<p>Potluck: please bring a dish</p>' : null),
      location_type_preference: (row) => (row % 3 === 0 ? 'virtual' : 'physical'),
      multi_day: () => false,
      name: (row) => `${name(owner(row))} meeting`,
      reminders_sent: (row) => row % 3 === 0,
      reminders_sent_at: (row) => (row % 3 === 0 ? isoTime(starts(row) - 2 * DAY) : null),
      repeating: () => true,
      virtual_location_url: (row) => (row % 3 === 0 ? `https://meet.example.org/event/${row}` : null),
      visitors_count: (row) => (visitors(row) % 3 === 0 ? visitors(row) % 7 : null),
    },
    relationships: {
      attendance_submitter: () => null,
      group: (row) => refTo('Group', owner(row)),
      location: () => null,
      repeating_event: (row) => refTo('RepeatingEvent', owner(row)),
    },
    children: { group: childrenBelow(start) },
    times: { starts_at: starts, ends_at: (row) => starts(row) + 7_200 },
  }
}
