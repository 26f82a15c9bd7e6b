// A generated person: pure functions of the row. Odd values that the vendor really sends are in here on purpose.
import type { Layout } from './layout.ts'
import { type Dice, oneIn, oneOf } from './random.ts'
import { type Field, range, refTo, type Table } from './table.ts'
import { createTimeline, isoDate, isoTime, type Timeline } from './times.ts'
import { FIRST_NAMES, LAST_NAMES, MEDICAL_NOTES, MEMBERSHIPS } from './words.ts'

/** What rows of other entities need to know of people. */
export interface People {
  readonly firstName: (person: number) => string
  readonly lastName: (person: number) => string
  readonly timeline: Timeline
  readonly table: Table
}

const DAY = 86_400
const GENDERS = ['Male', 'Female', 'Male', 'Female', 'M', 'F', null] as const
const PERMISSIONS = [null, null, null, null, null, 'Viewer', 'Editor', 'Manager'] as const
const ODD_BIRTHDATES = ['1885-03-12', '0019-05-04', '1900-01-01', '2035-02-28'] as const

const birthdates = (dice: Dice, isChild: (row: number) => boolean): Field => {
  const die = dice('person.birthdate')
  const kind = dice('person.birthdate-kind')
  const odd = oneOf(die, ODD_BIRTHDATES)
  return (row) => {
    const roll = kind(row) % 100
    if (roll < 12) return null
    if (roll === 99) return odd(row)
    const [from, years] = isChild(row) ? [2008, 15] : [1938, 66]
    return isoDate(Date.UTC(from, 0, 1) / 1000 + (die(row) % (years * 365)) * DAY)
  }
}

/** Some organisations keep numbers here, some text, most nothing. */
const remoteIds = (dice: Dice): Field => {
  const die = dice('person.remote-id')
  return (row) => {
    const roll = die(row)
    if (roll % 10 < 7) return null
    return roll % 10 < 9 ? roll >>> 4 : `legacy-${roll >>> 8}`
  }
}

/** Attributes that hang on nothing else are drawn together, from a limited number of profiles: see Table.profile. */
const profileFlags = (dice: Dice): Record<string, Field> => ({
  accounting_administrator: oneIn(dice('person.accounting'), 200),
  can_create_forms: oneIn(dice('person.forms'), 50),
  can_email_lists: oneIn(dice('person.lists'), 40),
  mfa_configured: oneIn(dice('person.mfa'), 12),
  passed_background_check: oneIn(dice('person.background'), 8),
  site_administrator: oneIn(dice('person.administrator'), 300),
})

const names = (dice: Dice, layout: Layout) => {
  const first = oneOf(dice('person.first-name'), FIRST_NAMES)
  const own = oneOf(dice('person.last-name'), LAST_NAMES)
  const family = oneOf(dice('household.last-name'), LAST_NAMES)
  const lastName = (row: number) => {
    const household = layout.householdOf(row)
    return household < 0 ? own(row) : family(household)
  }
  return { firstName: first, lastName }
}

const nameFields = (dice: Dice, firstName: (row: number) => string, lastName: (row: number) => string): Record<string, Field> => {
  const hasMiddle = oneIn(dice('person.has-middle-name'), 3)
  const middle = oneOf(dice('person.middle-name'), FIRST_NAMES)
  const hasNickname = oneIn(dice('person.has-nickname'), 6)
  const emoji = oneIn(dice('person.emoji'), 40)
  const hasGiven = oneIn(dice('person.given-name'), 9)
  return {
    first_name: firstName,
    last_name: lastName,
    name: (row) => `${firstName(row)} ${lastName(row)}`,
    given_name: (row) => (hasGiven(row) ? `${firstName(row)} ${middle(row)}` : null),
    middle_name: (row) => (hasMiddle(row) ? middle(row) : null),
    nickname: (row) => (hasNickname(row) ? `${firstName(row).slice(0, 3)}${emoji(row) ? ' 🎸' : 'y'}` : null),
  }
}

const schoolFields = (dice: Dice, isChild: (row: number) => boolean): Record<string, Field> => {
  const grade = dice('person.grade')
  const gradeOf = (row: number) => grade(row) % 13
  return {
    grade: (row) => (isChild(row) ? gradeOf(row) : null),
    graduation_year: (row) => (isChild(row) ? 2038 - gradeOf(row) : null),
    school_type: (row) => (isChild(row) ? (gradeOf(row) < 6 ? 'elementary' : gradeOf(row) < 9 ? 'middle' : 'high') : null),
  }
}

const statusFields = (dice: Dice, created: (row: number) => number): Record<string, Field> => {
  const inactive = oneIn(dice('person.inactive'), 20)
  const pending = oneIn(dice('person.pending'), 150)
  const after = dice('person.inactivated')
  return {
    inactivated_at: (row) => (inactive(row) ? isoTime(created(row) + (after(row) % (300 * DAY))) : null),
    status: (row) => (inactive(row) ? 'inactive' : pending(row) ? 'pending' : 'active'),
  }
}

const profileFields = (dice: Dice): Record<string, Field> => {
  const photo = dice('person.photo')
  const avatar: Field = (row) =>
    photo(row) % 3 === 0
      ? `https://avatars.planningcenteronline.com/uploads/person/${photo(row)}/avatar.2.jpg`
      : 'https://people.planningcenteronline.com/static/no_photo_thumbnail_gray.svg'
  const married = oneIn(dice('person.married'), 4)
  const wedding = dice('person.anniversary')
  const notes = oneOf(dice('person.medical-notes'), MEDICAL_NOTES)
  const hasNotes = oneIn(dice('person.has-medical-notes'), 15)
  const workflows = oneIn(dice('person.workflows'), 30)
  const shares = oneIn(dice('person.directory'), 5)
  return {
    anniversary: (row) => (married(row) ? isoDate(Date.UTC(1970, 0, 1) / 1000 + (wedding(row) % (54 * 365)) * DAY) : null),
    avatar,
    demographic_avatar_url: avatar,
    directory_shared_info: (row) => (shares(row) ? { email: true, phone: row % 2 === 0 } : {}),
    directory_status: (row) => (shares(row) ? 'has_access' : 'no_access'),
    gender: oneOf(dice('person.gender'), GENDERS),
    medical_notes: (row) => (hasNotes(row) ? notes(row) : null),
    membership: oneOf(dice('person.membership'), MEMBERSHIPS),
    people_permissions: oneOf(dice('person.permissions'), PERMISSIONS),
    resource_permission_flags: (row) => ({ can_access_workflows: workflows(row) }),
    stripe_customer_identifier: () => null,
  }
}

export const createPeople = (dice: Dice, layout: Layout): People => {
  const timeline = createTimeline(dice, 'person', layout.people)
  const { firstName, lastName } = names(dice, layout)
  const created = timeline.created
  const updated = (row: number) => timeline.updated(row, created(row))
  const homeless = oneIn(dice('person.no-campus'), 10)
  const campus = dice('person.campus')
  const login = oneIn(dice('person.login'), 5)
  const attributes: Record<string, Field> = {
    ...nameFields(dice, firstName, lastName),
    ...schoolFields(dice, layout.isChild),
    ...statusFields(dice, created),
    birthdate: birthdates(dice, layout.isChild),
    child: layout.isChild,
    login_identifier: (row) => (login(row) ? `login.${row}@example.org` : null),
    remote_id: remoteIds(dice),
  }
  const relationships = {
    primary_campus: (row: number) => (homeless(row) ? null : refTo('PrimaryCampus', campus(row) % layout.campuses)),
  }
  const table: Table = {
    type: 'Person',
    rows: layout.people,
    attributes,
    profile: { of: dice('person.profile'), attributes: { ...profileFlags(dice), ...profileFields(dice) } },
    relationships,
    times: { created_at: created, updated_at: updated },
  }
  return { firstName, lastName, timeline, table }
}

export const childrenBelow = (start: (owner: number) => number) => (owner: number) => range(start(owner), start(owner + 1))
