// Generated campuses, households and household memberships.
import type { Layout } from './layout.ts'
import { childrenBelow, type People } from './people.ts'
import { type Dice, oneIn } from './random.ts'
import { idOf, refTo, type Table } from './table.ts'
import { createTimeline } from './times.ts'
import { CITIES } from './words.ts'

export const createCampuses = (dice: Dice, layout: Layout, organizationId: string): Table => {
  const timeline = createTimeline(dice, 'campus', layout.campuses)
  const updated = (row: number) => timeline.updated(row, timeline.created(row))
  const city = (row: number) => CITIES[row % CITIES.length] ?? CITIES[0]
  return {
    type: 'Campus',
    rows: layout.campuses,
    attributes: {
      avatar_url: () => null,
      church_center_enabled: () => true,
      city: (row) => city(row)[0],
      contact_email_address: (row) => `campus.${row}@example.org`,
      country: () => 'US',
      date_format: (row) => (row === 0 ? 1 : null),
      description: (row) => (row % 2 === 0 ? `Our church in ${city(row)[0]}` : null),
      geolocation_set_manually: () => false,
      latitude: (row) => 30.25 + row,
      longitude: (row) => -90.125 - row,
      name: (row) => `${city(row)[0]} Campus${row < CITIES.length ? '' : ` ${row}`}`,
      phone_number: (row) => `(217) 555-01${10 + row}`,
      state: (row) => city(row)[1],
      street: (row) => `${100 + row} Main Street`,
      time_zone: () => 'America/Chicago',
      time_zone_raw: () => 'America/Chicago',
      twenty_four_hour_time: (row) => (row === 0 ? false : null),
      website: (row) => (row % 2 === 0 ? `https://campus-${row}.example.org` : null),
      zip: (row) => `${city(row)[2]}01`,
    },
    relationships: { organization: () => ({ type: 'Organization', id: organizationId }) },
    times: { created_at: timeline.created, updated_at: updated },
  }
}

export const createHouseholds = (dice: Dice, layout: Layout, people: People): Table => {
  const { start } = layout.householdMembers
  const timeline = createTimeline(dice, 'household', layout.households)
  const contact = (row: number) => layout.householdMember(start(row))
  const created = (row: number) => people.timeline.created(contact(row))
  const updated = (row: number) => timeline.updated(row, created(row))
  return {
    type: 'Household',
    rows: layout.households,
    attributes: {
      avatar: (row) => `https://people.planningcenteronline.com/static/no_photo_thumbnail_household_${row % 4}.svg`,
      member_count: (row) => start(row + 1) - start(row),
      name: (row) => `${people.lastName(contact(row))} Household`,
      primary_contact_id: (row) => idOf(contact(row)),
      primary_contact_name: (row) => `${people.firstName(contact(row))} ${people.lastName(contact(row))}`,
    },
    relationships: { primary_contact: (row) => refTo('Person', contact(row)) },
    children: {
      primary_contact: (person) => {
        const row = layout.householdOf(person)
        return row >= 0 && contact(row) === person ? [row] : []
      },
    },
    times: { created_at: created, updated_at: updated },
  }
}

/** A person's memberships: the own household, and for a shared child the next one. */
const membershipsOf = (layout: Layout) => (person: number) => {
  const household = layout.householdOf(person)
  const found: number[] = []
  if (household < 0) return found
  for (const near of [household, household + 1]) {
    const end = layout.householdMembers.start(near + 1)
    for (let row = layout.householdMembers.start(near); row < end; row++) {
      if (layout.householdMember(row) === person) found.push(row)
    }
  }
  return found
}

export const createHouseholdMemberships = (dice: Dice, layout: Layout, people: People): Table => {
  const pending = oneIn(dice('household-membership.pending'), 50)
  const person = layout.householdMember
  return {
    type: 'HouseholdMembership',
    rows: layout.householdMembers.rows,
    attributes: { pending, person_name: (row) => `${people.firstName(person(row))} ${people.lastName(person(row))}` },
    relationships: {
      person: (row) => refTo('Person', person(row)),
      household: (row) => refTo('Household', layout.householdMembers.owner(row)),
    },
    children: { household: childrenBelow(layout.householdMembers.start), person: membershipsOf(layout) },
  }
}
