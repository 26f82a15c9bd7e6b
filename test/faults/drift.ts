// Changes to an organisation while it is synced: which kind is likely the case says, what is hit is chance.
import type { EntityName } from '../../simulator/catalogue/spec.ts'
import type { Json } from '../../simulator/resource.ts'
import type { History } from './history.ts'

/**
 * `untie`: one of the people made in one second is deleted, and so moves those after it. `reorder`: some groups go behind all others, and all
 * that were behind them move by more than two pages have in common: what stood first on a page that is still to come is on none.
 */
export type ChangeKind = 'insert' | 'delete' | 'update' | 'rename' | 'reorder' | 'untie'

export interface Chance {
  /** From 0 to below 1. */
  random(): number
  pick<T>(items: readonly T[]): T
}

type Attributes = Readonly<Record<string, Json>>
type Change = (history: History, chance: Chance) => void

/** Generated rows have times of this span. */
const FIRST_MS = Date.UTC(2014, 0, 6)
const SPAN_MS = Date.UTC(2025, 5, 1) - FIRST_MS

const anyTime = (chance: Chance): string => `${new Date(FIRST_MS + chance.random() * SPAN_MS).toISOString().slice(0, 19)}Z`

const word = (chance: Chance): string =>
  Math.floor(chance.random() * 36 ** 6)
    .toString(36)
    .padStart(6, '0')

/** Half of what is new is made now, the other half has a place anywhere in the order of a walk. */
const stamped = (chance: Chance): Attributes => (chance.random() < 0.5 ? {} : { created_at: anyTime(chance) })

/** A new record below others that are there. */
const insertBelow =
  (entity: EntityName, owners: readonly EntityName[], attributes: (chance: Chance) => Attributes): Change =>
  (history, chance) => {
    const ids = owners.map((owner) => [owner, history.pick(owner, chance.random())] as const)
    if (ids.some(([, id]) => id === undefined)) return
    const relationships = Object.fromEntries(ids.map(([owner, id]) => [owner, id ?? null]))
    history.mutate({ op: 'insert', entity, attributes: attributes(chance), relationships })
  }

const insertPerson = (history: History, chance: Chance): string => {
  const attributes = { first_name: 'New', last_name: word(chance), ...stamped(chance) }
  const person = history.mutate({ op: 'insert', entity: 'person', attributes })
  const address = `${word(chance)}@example.org`
  history.mutate({ op: 'insert', entity: 'email', attributes: { address }, relationships: { person } })
  return person
}

/** Somebody new, so that nobody is in a household twice: such memberships could not be told apart. */
const joinHousehold: Change = (history, chance) => {
  const household = history.pick('household', chance.random())
  if (household === undefined) return
  const person = insertPerson(history, chance)
  history.mutate({ op: 'insert', entity: 'household-membership', relationships: { household, person } })
}

const insertHousehold: Change = (history, chance) => {
  const person = history.pick('person', chance.random())
  if (person === undefined) return
  const attributes = { name: word(chance), ...stamped(chance) }
  const household = history.mutate({ op: 'insert', entity: 'household', attributes, relationships: { primary_contact: person } })
  history.mutate({ op: 'insert', entity: 'household-membership', relationships: { household, person } })
}

const INSERTS: readonly Change[] = [
  (history, chance) => void insertPerson(history, chance),
  insertHousehold,
  joinHousehold,
  insertBelow('phone-number', ['person'], (chance) => ({ number: `555-${word(chance)}` })),
  insertBelow('address', ['person'], (chance) => ({ city: word(chance), location: 'Home' })),
  insertBelow('group', [], (chance) => ({ name: word(chance) })),
  insertBelow('group-membership', ['group', 'person'], () => ({ role: 'member' })),
  insertBelow('event', ['group'], (chance) => ({ name: word(chance), starts_at: anyTime(chance) })),
]

const DELETED: readonly EntityName[] = [
  'person',
  'person',
  'household',
  'household-membership',
  'email',
  'phone-number',
  'address',
  'group',
  'group-membership',
  'event',
]

const update =
  (entity: EntityName, attributes: (chance: Chance) => Attributes): Change =>
  (history, chance) => {
    const id = history.pick(entity, chance.random())
    if (id !== undefined) history.mutate({ op: 'update', entity, id, attributes: attributes(chance) })
  }

const UPDATES: readonly Change[] = [
  update('person', (chance) => ({ nickname: word(chance) })),
  update('campus', (chance) => ({ city: word(chance) })),
  update('email', (chance) => ({ address: `${word(chance)}@example.org` })),
  update('phone-number', (chance) => ({ location: word(chance) })),
  update('address', (chance) => ({ street_line_1: word(chance) })),
  update('group', (chance) => ({ description: word(chance) })),
  update('group-membership', (chance) => ({ role: chance.pick(['member', 'leader']) })),
  // Another place in the order by which events are walked.
  update('event', (chance) => ({ starts_at: anyTime(chance) })),
]

/** Names are what groups are walked by, and what others repeat. */
const RENAMED: readonly EntityName[] = ['person', 'person', 'household', 'group', 'group', 'event', 'campus']

const onOneOf =
  (entities: readonly EntityName[], change: (history: History, entity: EntityName, id: string, chance: Chance) => void): Change =>
  (history, chance) => {
    const entity = chance.pick(entities)
    const id = history.pick(entity, chance.random())
    if (id !== undefined) change(history, entity, id, chance)
  }

const REORDERED = 10
const toTheEnd = onOneOf(['group'], (history, entity, id, chance) =>
  history.mutate({ op: 'rename', entity, id, name: `~${word(chance)}` }),
)

const CHANGES: Readonly<Record<Exclude<ChangeKind, 'untie'>, Change>> = {
  insert: (history, chance) => chance.pick(INSERTS)(history, chance),
  update: (history, chance) => chance.pick(UPDATES)(history, chance),
  delete: onOneOf(DELETED, (history, entity, id) => history.mutate({ op: 'delete', entity, id })),
  rename: onOneOf(RENAMED, (history, entity, id, chance) => history.mutate({ op: 'rename', entity, id, name: word(chance) })),
  reorder: (history, chance) => {
    for (let n = 0; n < REORDERED; n++) toTheEnd(history, chance)
  },
}

/** What lies beyond the first page of its list only if there is more of it. */
export interface Enlargement {
  /** People made in one second. */
  readonly tied: number
  readonly groups: number
  /** Of the first of these groups. */
  readonly members: number
}

/** Enlarges the organisation and gives what changes it, one change of a kind at a time. */
export const openDrift = (history: History, chance: Chance, size: Enlargement): ((kind: ChangeKind) => void) => {
  const tied = insertTied(history, chance, size.tied)
  insertGroups(history, chance, size)
  const untie = (): void => {
    const [id] = tied.splice(Math.floor(chance.random() * tied.length), 1)
    if (id !== undefined && history.has('person', id)) history.mutate({ op: 'delete', entity: 'person', id })
  }
  return (kind) => (kind === 'untie' ? untie() : CHANGES[kind](history, chance))
}

const insertTied = (history: History, chance: Chance, count: number): string[] => {
  const made = { created_at: anyTime(chance) }
  return Array.from({ length: count }, () => {
    const attributes = { ...made, updated_at: anyTime(chance), first_name: 'Tied', last_name: word(chance) }
    return history.mutate({ op: 'insert', entity: 'person', attributes })
  })
}

const insertGroups = (history: History, chance: Chance, { groups, members }: Enlargement): void => {
  const [group] = Array.from({ length: groups }, () => {
    const attributes = { name: word(chance), created_at: anyTime(chance) }
    return history.mutate({ op: 'insert', entity: 'group', attributes })
  })
  for (let n = 0; n < members; n++) {
    const person = history.pick('person', chance.random())
    if (person === undefined || group === undefined) return
    const attributes = { joined_at: anyTime(chance) }
    history.mutate({ op: 'insert', entity: 'group-membership', attributes, relationships: { group, person } })
  }
}
