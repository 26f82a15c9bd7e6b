// Changes to a simulated organisation, by the API's own methods or by a test. What a record owns goes with it.
import { SynclineError } from '../platform/errors.ts'
import { ENTITIES, type EntityName, type EntitySpec } from './catalogue/spec.ts'
import { createEffects } from './effects.ts'
import type { Journal, JournalEntry } from './journal.ts'
import type { Corrupt, Hide, Insert, Merge, Mutation, Update } from './mutation.ts'
import { apiForm } from './render.ts'
import type { Json, Relation, Resource } from './resource.ts'
import { refOf, type World } from './world.ts'

export interface Change {
  readonly entity: EntityName
  readonly id: string
}

export interface Mutator {
  /** Applies one mutation and answers what record it was about. Throws `usage` for a record that is not there. */
  apply(mutation: Mutation, by: JournalEntry['by']): Change
}

const blank = (spec: EntitySpec, now: string): Record<string, Json> => {
  const values: Record<string, Json> = {}
  for (const [name, type] of Object.entries(spec.attributes)) {
    const isStamp = name === 'created_at' || name === 'updated_at' || name === 'joined_at'
    values[name] = isStamp ? now : type === 'boolean' ? false : type === 'json' ? {} : null
  }
  if (spec.entity === 'person') values['status'] = 'active'
  if (spec.entity === 'group-membership') values['role'] = 'member'
  return values
}

const relationsOf = (spec: EntitySpec, given: Readonly<Record<string, string | null>>): Record<string, Relation> =>
  Object.fromEntries(
    Object.entries(given).map(([name, to]): [string, Relation] => {
      const type = spec.relationships[name]?.type
      if (type === undefined) throw new SynclineError('usage', `${spec.type} has no relationship ${name}`)
      return [name, to === null ? null : { type, id: to }]
    }),
  )

/** Attributes that follow from others of the same record. */
const derive = (spec: EntitySpec, attributes: Record<string, Json>, given: Readonly<Record<string, Json>>): void => {
  if (spec.entity === 'person' && !('name' in given)) {
    attributes['name'] = [attributes['first_name'], attributes['last_name']].filter((part) => part !== null).join(' ')
  }
  if (spec.entity === 'phone-number' && 'number' in given && !('e164' in given)) {
    const digits = String(attributes['number'] ?? '').replaceAll(/\D/g, '')
    attributes['e164'] = `+${digits.length === 10 ? '1' : ''}${digits}`
    for (const name of ['formatted_number', 'international', 'national']) attributes[name] = attributes['number'] ?? null
  }
}

export const createMutator = (world: World, journal: Journal, now: () => number): Mutator => {
  const { recount, follow, repeatContact, householdsOf } = createEffects(world, journal)
  const nowText = () => `${new Date(now()).toISOString().slice(0, 19)}Z`

  const rowOf = (entity: EntityName, id: string): number => {
    const row = world.collections[entity].row(id)
    if (row < 0) throw new SynclineError('usage', `There is no ${entity} ${id} to change`)
    return row
  }

  const insert = ({ entity, id, attributes = {}, relationships = {} }: Insert, by: JournalEntry['by']): Change => {
    const collection = world.collections[entity]
    const { spec } = collection
    const values = { ...blank(spec, nowText()), ...attributes }
    derive(spec, values, attributes)
    const unset = Object.fromEntries(Object.keys(spec.relationships).map((name) => [name, null]))
    const resource: Resource = {
      type: spec.type,
      id: id ?? collection.claimId(),
      attributes: values,
      relationships: { ...unset, ...relationsOf(spec, relationships) },
    }
    const row = collection.insert(resource)
    journal.note('insert', entity, resource.id, by)
    follow(entity, row, resource)
    return { entity, id: resource.id }
  }

  const update = ({ entity, id, attributes = {}, relationships = {}, touch = true }: Update, by: JournalEntry['by']): Change => {
    const collection = world.collections[entity]
    const row = rowOf(entity, id)
    const old = collection.resource(row)
    const stamp = touch && 'updated_at' in collection.spec.attributes ? { updated_at: nowText() } : {}
    const values = { ...old.attributes, ...stamp, ...attributes }
    derive(collection.spec, values, attributes)
    const resource = {
      ...old,
      attributes: values,
      relationships: { ...old.relationships, ...relationsOf(collection.spec, relationships) },
    }
    collection.replace(row, resource)
    journal.note('update', entity, id, by)
    recount(entity, old)
    follow(entity, row, resource)
    return { entity, id }
  }

  const removeOwned = (entity: EntityName, id: string): void => {
    for (const owned of ENTITIES) {
      const below = world.collections[owned]
      for (const [name, { to, owner }] of Object.entries(below.spec.relationships)) {
        if (to !== entity || owner !== true) continue
        for (const child of below.children(name, id)) remove(owned, below.id(child), 'effect')
      }
    }
  }

  const remove = (entity: EntityName, id: string, by: JournalEntry['by']): Change => {
    const collection = world.collections[entity]
    const row = rowOf(entity, id)
    const households = entity === 'person' ? householdsOf(id) : []
    removeOwned(entity, id)
    const old = collection.resource(row)
    collection.delete(row)
    journal.note('delete', entity, id, by)
    recount(entity, old)
    for (const household of households) repeatContact(household)
    return { entity, id }
  }

  /** What belongs to one person goes over to another, but for memberships that this one has too. */
  const handOver = (from: string, to: string): void => {
    for (const owned of ENTITIES) {
      const below = world.collections[owned]
      if (below.spec.relationships['person']?.owner !== true) continue
      const parent = below.spec.below?.relationship
      const parentsOf = (person: string) =>
        below.children('person', person).map((row) => parent && refOf(world, owned, row, parent)?.id)
      for (const row of below.children('person', from)) {
        const isDouble = parent !== undefined && parentsOf(to).includes(refOf(world, owned, row, parent)?.id)
        if (!isDouble) update({ op: 'update', entity: owned, id: below.id(row), relationships: { person: to } }, 'effect')
      }
    }
  }

  const merge = ({ id, into }: Merge, by: JournalEntry['by']): Change => {
    rowOf('person', into)
    handOver(id, into)
    const removed = remove('person', id, by)
    const attributes = { person_to_keep_id: into, person_to_remove_id: id }
    insert(
      { op: 'insert', entity: 'person-merger', attributes, relationships: { person_to_keep: into, person_to_remove: id } },
      'effect',
    )
    return removed
  }

  const corrupt = ({ entity, id, text, attributes = {}, omit = [] }: Corrupt, by: JournalEntry['by']): Change => {
    const collection = world.collections[entity]
    const row = rowOf(entity, id)
    const record = apiForm(world, entity, row)
    const whole: Record<string, unknown> = { ...record, attributes: { ...record.attributes, ...attributes } }
    for (const member of omit) delete whole[member]
    collection.plant(row, text ?? JSON.stringify(whole))
    journal.note('corrupt', entity, id, by)
    return { entity, id }
  }

  const repair = (entity: EntityName, id: string, by: JournalEntry['by']): Change => {
    world.collections[entity].plant(rowOf(entity, id), undefined)
    journal.note('repair', entity, id, by)
    return { entity, id }
  }

  const hide = ({ entity, id, counted = false }: Hide, by: JournalEntry['by']): Change => {
    world.collections[entity].hide(rowOf(entity, id), counted)
    journal.note('hide', entity, id, by)
    return { entity, id }
  }

  const apply: Mutator['apply'] = (mutation, by) => {
    const { op, entity } = mutation
    if (op === 'insert') return insert(mutation, by)
    if (op === 'update') return update(mutation, by)
    if (op === 'delete') return remove(entity, mutation.id, by)
    if (op === 'merge') return merge(mutation, by)
    if (op === 'corrupt') return corrupt(mutation, by)
    if (op === 'repair') return repair(entity, mutation.id, by)
    if (op === 'hide') return hide(mutation, by)
    const name = entity === 'person' ? 'last_name' : 'name'
    return update({ op: 'update', entity, id: mutation.id, attributes: { [name]: mutation.name } }, by)
  }
  return { apply }
}
