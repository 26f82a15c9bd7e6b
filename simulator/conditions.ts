// `where` conditions made into tests of a row. A value that is none of its type matches nothing.
import type { EntityName } from './catalogue/spec.ts'
import { toSortKey } from './collection.ts'
import type { Condition, Operator } from './query.ts'
import { compareKeys } from './sorted-rows.ts'
import type { SortKey } from './source.ts'
import { follow, refOf, type World } from './world.ts'

export type Test = (row: number) => boolean

/** The right side of a comparison, or undefined when the text is not of the attribute's type. */
export const boundOf = (type: string | undefined, value: string): SortKey | undefined => {
  if (type === 'boolean') return value === 'true' ? 1 : value === 'false' ? 0 : undefined
  if (type === 'integer' || type === 'float')
    return value.trim() === '' || Number.isNaN(Number(value)) ? undefined : Number(value)
  if (type === 'date') return /^\d{4}-\d\d-\d\d$/.test(value) ? value : undefined
  if (type === 'date_time') return toSortKey(type, value) ?? undefined
  return value.toLowerCase()
}

export const holds = (key: SortKey, operator: Operator, bound: SortKey): boolean => {
  if (key === null) return false
  const order = compareKeys(key, bound)
  if (operator === 'eq') return order === 0
  if (operator === 'gt') return order > 0
  if (operator === 'gte') return order >= 0
  return operator === 'lt' ? order < 0 : order <= 0
}

const digits = (text: string): string => text.replaceAll(/\D/g, '')

/** The searches of people: a part of the name, of an email address, of a phone number. */
const searchTest = (world: World, { key, value }: Condition): Test => {
  const people = world.collections.person
  const wanted = value.toLowerCase()
  const below = (row: number, link: string, attribute: string): string[] => {
    const to = people.spec.links[link]
    const found = to === undefined ? undefined : follow(world, 'person', row, to)
    return found?.rows.map((each) => String(world.collections[found.entity].attribute(each, attribute)).toLowerCase()) ?? []
  }
  const byName = (row: number) => String(people.attribute(row, 'name')).toLowerCase().includes(wanted)
  const byEmail = (row: number) => below(row, 'emails', 'address').some((text) => text.includes(wanted))
  const byPhone = (row: number) =>
    digits(wanted) !== '' && below(row, 'phone_numbers', 'e164').some((text) => digits(text).includes(digits(wanted)))
  if (key === 'search_name') return byName
  if (key === 'search_name_or_email') return (row) => byName(row) || byEmail(row)
  if (key === 'search_name_or_email_or_phone_number') return (row) => byName(row) || byEmail(row) || byPhone(row)
  return byPhone
}

const archiveTest = (world: World, value: string): Test => {
  const isArchived = (row: number) => world.collections.group.attribute(row, 'archived_at') !== null
  if (value === 'only') return isArchived
  if (value === 'not_archived') return (row) => !isArchived(row)
  return () => value === 'include'
}

const testOf = (world: World, entity: EntityName, condition: Condition): Test => {
  const { key, operator, value } = condition
  const collection = world.collections[entity]
  if (key.startsWith('search_')) return searchTest(world, condition)
  if (key === 'archive_status') return archiveTest(world, value)
  if (key === 'primary_campus_id') return (row) => refOf(world, entity, row, 'primary_campus')?.id === value
  if (key === 'id') {
    const rows = new Set(value.split(',').map((id) => collection.row(id)))
    return (row) => rows.has(row)
  }
  if (key === 'remote_id' && operator === 'eq')
    return (row) => String(collection.attribute(row, key) ?? '') === value && value !== ''
  const bound = boundOf(collection.spec.attributes[key], value)
  if (bound === undefined) return () => false
  return (row) => holds(collection.sortKey(row, key), operator, bound)
}

export const allOf = (world: World, entity: EntityName, conditions: readonly Condition[]): Test => {
  const tests = conditions.map((condition) => testOf(world, entity, condition))
  return (row) => tests.every((test) => test(row))
}
