// A whole generated organisation of N people: one source an entity, all from one seed.

import type { Resource } from '../resource.ts'
import { emptySource } from '../source.ts'
import type { Origin } from '../world.ts'
import { createAddresses, createEmails, createPhoneNumbers } from './contacts.ts'
import { createEvents, createGroupMemberships, createGroups } from './groups.ts'
import { createCampuses, createHouseholdMemberships, createHouseholds } from './homes.ts'
import { createLayout } from './layout.ts'
import { createPeople } from './people.ts'
import { createDice } from './random.ts'
import { createTableSource } from './table.ts'

const organizationOf = (id: string): Resource => ({
  type: 'Organization',
  id,
  attributes: {
    avatar_url: null,
    church_center_subdomain: 'simulated',
    contact_website: 'https://church.example.org',
    country_code: 'US',
    created_at: '2013-11-02T09:00:00Z',
    date_format: 1,
    name: 'Simulated Church',
    time_zone: 'America/Chicago',
  },
  relationships: {},
})

/** Nobody has been merged yet. */
const FIRST_MERGER = 60_000_001

export const generateOrganization = (people: number, seed: number, id = '1'): Origin => {
  const organization = organizationOf(id)
  const dice = createDice(seed)
  const layout = createLayout(dice, people)
  const folk = createPeople(dice, layout)
  const tables = {
    campus: createCampuses(dice, layout, organization.id),
    household: createHouseholds(dice, layout, folk),
    person: folk.table,
    address: createAddresses(dice, layout, folk),
    email: createEmails(dice, layout, folk),
    'phone-number': createPhoneNumbers(dice, layout, folk),
    'household-membership': createHouseholdMemberships(dice, layout, folk),
    group: createGroups(dice, layout),
    'group-membership': createGroupMemberships(dice, layout),
    event: createEvents(dice, layout),
  }
  return {
    organization,
    sources: {
      campus: createTableSource(tables.campus),
      household: createTableSource(tables.household),
      person: createTableSource(tables.person),
      address: createTableSource(tables.address),
      email: createTableSource(tables.email),
      'phone-number': createTableSource(tables['phone-number']),
      'household-membership': createTableSource(tables['household-membership']),
      group: createTableSource(tables.group),
      'group-membership': createTableSource(tables['group-membership']),
      event: createTableSource(tables.event),
      'person-merger': emptySource(FIRST_MERGER),
    },
  }
}
