// Who belongs to whom, for N people: counts and offsets only, a few bytes a row, so that a million people take some 40 MB.
import type { Dice } from './random.ts'

/** Children of owners in rows: owner k has the rows from `start(k)` up to `start(k + 1)`. */
export interface Spread {
  readonly rows: number
  readonly start: (owner: number) => number
  readonly owner: (row: number) => number
}

export interface Layout {
  readonly people: number
  readonly campuses: number
  readonly addresses: Spread
  readonly emails: Spread
  readonly phoneNumbers: Spread
  readonly households: number
  readonly householdMembers: Spread
  /** Person of a household membership. */
  readonly householdMember: (membership: number) => number
  /** First household of a person, -1 for none. */
  readonly householdOf: (person: number) => number
  readonly isChild: (person: number) => boolean
  readonly groups: number
  readonly groupMembers: Spread
  readonly groupMember: (membership: number) => number
  readonly events: Spread
}

const spread = (owners: number, countOf: (owner: number) => number): Spread => {
  const starts = new Uint32Array(owners + 1)
  let rows = 0
  for (let owner = 0; owner < owners; owner++) {
    starts[owner] = rows
    rows += countOf(owner)
  }
  starts[owners] = rows
  const ownerOf = new Uint32Array(rows)
  for (let owner = 0; owner < owners; owner++) ownerOf.fill(owner, starts[owner], starts[owner + 1])
  return { rows, start: (owner) => starts[owner] ?? rows, owner: (row) => ownerOf[row] ?? 0 }
}

/** Sizes of households and how many of a kind one has: a list per case, drawn from evenly. */
const HOUSEHOLD_SIZES = [1, 1, 1, 2, 2, 2, 3, 4, 4, 5]
const ADULT_EMAILS = [0, 1, 1, 1, 1, 1, 1, 2, 2, 3]
const CHILD_EMAILS = [0, 0, 1, 1, 1, 1, 1, 1, 1, 1]
const ADULT_PHONES = [0, 1, 1, 1, 1, 1, 1, 1, 2, 2]
const CHILD_PHONES = [0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
const ADDRESSES = [0, 1, 1, 1, 1, 1, 1, 1, 1, 2]

const draw = (counts: readonly number[], roll: number): number => counts[roll % counts.length] ?? 0

/** Consecutive people live together; one single in three has no household, one household in thirty shares a child with the one before. */
const settle = (dice: Dice, people: number) => {
  const sizeDie = dice('household.size')
  const shareDie = dice('household.shared-child')
  const householdOf = new Int32Array(people).fill(-1)
  const firsts: number[] = []
  const sizes: number[] = []
  for (let person = 0; person < people; ) {
    const size = Math.min(draw(HOUSEHOLD_SIZES, sizeDie(person)), people - person)
    if (size > 1 || sizeDie(person) % 3 !== 0) {
      householdOf.fill(firsts.length, person, person + size)
      firsts.push(person)
      sizes.push(size)
    }
    person += size
  }
  const shares = (household: number) => household > 0 && (sizes[household - 1] ?? 0) > 2 && shareDie(household) % 15 === 0
  const members = spread(firsts.length, (household) => (sizes[household] ?? 0) + (shares(household) ? 1 : 0))
  const member = (membership: number): number => {
    const household = members.owner(membership)
    const place = membership - members.start(household)
    if (place < (sizes[household] ?? 0)) return (firsts[household] ?? 0) + place
    return (firsts[household - 1] ?? 0) + (sizes[household - 1] ?? 1) - 1
  }
  const isChild = (person: number) => {
    const household = householdOf[person] ?? -1
    return household >= 0 && person - (firsts[household] ?? person) > 1
  }
  return { households: firsts.length, members, member, isChild, householdOf: (person: number) => householdOf[person] ?? -1 }
}

/** A group's members are `stride` apart from a random person on, so nobody is in it twice. */
const gather = (dice: Dice, people: number) => {
  const groups = people === 0 ? 0 : Math.max(1, Math.round(people / 40))
  const sizeDie = dice('group.size')
  const fromDie = dice('group.first-member')
  const strideDie = dice('group.stride')
  const members = spread(groups, (row) => Math.min(people, 4 + (sizeDie(row) % 17)))
  const widest = Math.max(1, Math.floor(people / 20))
  const member = (membership: number): number => {
    const row = members.owner(membership)
    return (fromDie(row) + (membership - members.start(row)) * (1 + (strideDie(row) % widest))) % people
  }
  const eventDie = dice('group.events')
  return { groups, members, member, events: spread(groups, (row) => 2 + (eventDie(row) % 5)) }
}

export const createLayout = (dice: Dice, people: number): Layout => {
  const home = settle(dice, people)
  const circle = gather(dice, people)
  const perPerson = (name: string, adult: readonly number[], child: readonly number[]) => {
    const die = dice(name)
    return spread(people, (person) => draw(home.isChild(person) ? child : adult, die(person)))
  }
  return {
    people,
    campuses: people === 0 ? 0 : Math.min(12, 3 + Math.floor(people / 50_000)),
    addresses: perPerson('address.count', ADDRESSES, ADDRESSES),
    emails: perPerson('email.count', ADULT_EMAILS, CHILD_EMAILS),
    phoneNumbers: perPerson('phone-number.count', ADULT_PHONES, CHILD_PHONES),
    households: home.households,
    householdMembers: home.members,
    householdMember: home.member,
    householdOf: home.householdOf,
    isChild: home.isChild,
    groups: circle.groups,
    groupMembers: circle.members,
    groupMember: circle.member,
    events: circle.events,
  }
}
