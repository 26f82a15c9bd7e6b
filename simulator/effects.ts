// What changes along with a record, as at the vendor: counts, and names repeated elsewhere. The updated_at of what is changed along
// stays as it was: the vendor does not touch it reliably either, and a sync must not lean on it.
import type { EntityName } from './catalogue/spec.ts'
import type { Journal } from './journal.ts'
import { type Json, type Resource, toOne } from './resource.ts'
import { refOf, type World } from './world.ts'

export interface Effects {
  /** To be called with the record as it was, when it was deleted or its relationships changed. */
  recount(entity: EntityName, resource: Resource): void
  /** To be called with a record that is new or changed. */
  follow(entity: EntityName, row: number, resource: Resource): void
  /** Makes the repeated name of a household's contact right again. */
  repeatContact(household: number): void
  /** The households whose contact a person is, a member or not. */
  householdsOf(person: string): readonly number[]
}

const COUNTS: Partial<Record<EntityName, { readonly owner: 'household' | 'group'; readonly count: string }>> = {
  'household-membership': { owner: 'household', count: 'member_count' },
  'group-membership': { owner: 'group', count: 'memberships_count' },
}

export const createEffects = (world: World, journal: Journal): Effects => {
  const effect = (entity: EntityName, row: number, changes: Readonly<Record<string, Json>>): void => {
    const collection = world.collections[entity]
    const old = collection.resource(row)
    if (Object.entries(changes).every(([name, value]) => old.attributes[name] === value)) return
    collection.replace(row, { ...old, attributes: { ...old.attributes, ...changes } })
    journal.note('update', entity, old.id, 'effect')
  }

  /** Makes the counts of what this record belongs to right again. */
  const recount = (entity: EntityName, resource: Resource): void => {
    const counted = COUNTS[entity]
    if (counted === undefined) return
    const { owner, count } = counted
    const ref = toOne(resource.relationships[owner])
    const row = ref === undefined ? -1 : world.collections[owner].row(ref.id)
    if (ref !== undefined && row >= 0) effect(owner, row, { [count]: world.collections[entity].children(owner, ref.id).length })
  }

  const householdsOf = (person: string): readonly number[] => world.collections.household.children('primary_contact', person)

  /** Makes what repeats a person's name right again. */
  const repeatName = (id: string): void => {
    const people = world.collections.person
    const row = people.row(id)
    const name = row < 0 ? null : (people.attribute(row, 'name') ?? null)
    if (row < 0) return
    for (const membership of world.collections['household-membership'].children('person', id)) {
      effect('household-membership', membership, { person_name: name })
    }
    for (const household of householdsOf(id)) repeatContact(household)
  }

  const repeatContact = (household: number): void => {
    const ref = refOf(world, 'household', household, 'primary_contact')
    const row = ref === null ? -1 : world.collections.person.row(ref.id)
    const name = row < 0 ? null : (world.collections.person.attribute(row, 'name') ?? null)
    effect('household', household, { primary_contact_id: ref?.id ?? null, primary_contact_name: name })
  }

  const follow = (entity: EntityName, row: number, resource: Resource): void => {
    recount(entity, resource)
    if (entity === 'person') repeatName(resource.id)
    if (entity === 'household') repeatContact(row)
    const person = entity === 'household-membership' ? toOne(resource.relationships['person']) : undefined
    if (person !== undefined) repeatName(person.id)
  }
  return { recount, follow, repeatContact, householdsOf }
}
