// Generated addresses, emails and phone numbers: each belongs to one person and was made when the person was.
import type { Layout, Spread } from './layout.ts'
import { childrenBelow, type People } from './people.ts'
import { type Dice, oneIn, oneOf } from './random.ts'
import { type Field, refTo, type Table } from './table.ts'
import { createTimeline } from './times.ts'
import { CARRIERS, CITIES, STREETS } from './words.ts'

/** Free text at this vendor: "Home" is only the most frequent. */
const LOCATIONS = ['Home', 'Home', 'Home', 'Home', 'Work', 'Other', 'Mum’s house', null] as const

const belowPerson = (
  dice: Dice,
  name: string,
  type: string,
  spread: Spread,
  people: People,
  fields: Record<string, Field>,
): Table => {
  const { updated: updatedAfter } = createTimeline(dice, name, spread.rows)
  const created = (row: number) => people.timeline.created(spread.owner(row))
  const updated = (row: number) => updatedAfter(row, created(row))
  return {
    type,
    rows: spread.rows,
    attributes: {
      ...fields,
      location: oneOf(dice(`${name}.location`), LOCATIONS),
      primary: (row) => row === spread.start(spread.owner(row)),
    },
    relationships: { person: (row) => refTo('Person', spread.owner(row)) },
    children: { person: childrenBelow(spread.start) },
    times: { created_at: created, updated_at: updated },
  }
}

export const createAddresses = (dice: Dice, layout: Layout, people: People): Table => {
  const place = oneOf(dice('address.city'), CITIES)
  const street = oneOf(dice('address.street'), STREETS)
  const number = dice('address.number')
  const zip = dice('address.zip')
  const flat = oneIn(dice('address.flat'), 5)
  return belowPerson(dice, 'address', 'Address', layout.addresses, people, {
    city: (row) => place(row)[0],
    country_code: () => 'US',
    country_name: () => 'United States',
    state: (row) => place(row)[1],
    street_line_1: (row) => `${1 + (number(row) % 9_999)} ${street(row)}`,
    street_line_2: (row) => (flat(row) ? `Apt ${1 + (number(row) % 400)}` : null),
    zip: (row) => `${place(row)[2]}${10 + (zip(row) % 90)}`,
  })
}

export const createEmails = (dice: Dice, layout: Layout, people: People): Table => {
  const blocked = oneIn(dice('email.blocked'), 100)
  const { owner, start } = layout.emails
  return belowPerson(dice, 'email', 'Email', layout.emails, people, {
    address: (row) => `${people.firstName(owner(row)).toLowerCase()}.${owner(row)}.${row - start(owner(row))}@example.org`,
    blocked,
  })
}

export const createPhoneNumbers = (dice: Dice, layout: Layout, people: People): Table => {
  const die = dice('phone-number.digits')
  const area = (row: number) => 201 + (die(row) % 780)
  const line = (row: number) => String(100 + ((die(row) >>> 10) % 100)).padStart(4, '0')
  const formatted = (row: number) => `(${area(row)}) 555-${line(row)}`
  return belowPerson(dice, 'phone-number', 'PhoneNumber', layout.phoneNumbers, people, {
    carrier: oneOf(dice('phone-number.carrier'), CARRIERS),
    country_code: () => 'US',
    e164: (row) => `+1${area(row)}555${line(row)}`,
    formatted_number: formatted,
    international: (row) => `+1 ${area(row)}-555-${line(row)}`,
    national: formatted,
    number: formatted,
  })
}
