// What the vendor tells of a change: an entry of the journal becomes the name of an event and its payload. Written apart from the
// manifests on purpose, as the catalogue is.
import type { EntityName } from './catalogue/spec.ts'
import type { Documents } from './documents.ts'
import type { JournalEntry } from './journal.ts'
import type { Told } from './webhooks.ts'
import type { World } from './world.ts'

/** There is none for campuses, memberships of households, and events of groups. */
const NAMES: Partial<Readonly<Record<EntityName, string>>> = {
  household: 'people.v2.events.household',
  person: 'people.v2.events.person',
  address: 'people.v2.events.address',
  email: 'people.v2.events.email',
  'phone-number': 'people.v2.events.phone_number',
  group: 'groups.v2.events.group',
  'group-membership': 'groups.v2.events.membership',
}

const HAPPENED: Partial<Readonly<Record<JournalEntry['operation'], string>>> = {
  insert: 'created',
  update: 'updated',
  delete: 'destroyed',
}

/** Undefined: the vendor tells nobody. A deletion's payload has neither attributes nor relationships. */
export const eventOf = (world: World, documents: Documents, { operation, entity, id }: JournalEntry): Told | undefined => {
  const [name, happened] = [NAMES[entity], HAPPENED[operation]]
  if (name === undefined || happened === undefined) return undefined
  const event = `${name}.${happened}`
  const collection = world.collections[entity]
  if (operation === 'delete') return { event, payload: JSON.stringify({ data: { type: collection.spec.type, id } }) }
  const parent = { type: world.organization.type, id: world.organization.id }
  return { event, payload: documents.one({ entity, row: collection.row(id), view: 'own' }, [], parent).toString() }
}
