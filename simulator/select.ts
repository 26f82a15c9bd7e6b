// Which rows one page of a list shows. Ranges of the ordered key are found by binary search; other filters are evaluated once
// and kept until something changes, so that walking a filtered list costs one scan and not one a page.
import type { EntityName } from './catalogue/spec.ts'
import { allOf, boundOf, holds } from './conditions.ts'
import type { Condition, ListQuery } from './query.ts'
import { compareKeys, type SortedRows } from './sorted-rows.ts'
import type { SortKey } from './source.ts'
import { refOf, type World } from './world.ts'

export interface Selection {
  readonly total: number
  readonly rows: readonly number[]
}

export type Select = (entity: EntityName, query: ListQuery, within?: readonly number[]) => Selection

const KEPT_FILTERS = 16

/** One page of positions 0..total-1, counted from the end when descending. */
const cut = (total: number, query: ListQuery, slice: (from: number, to: number) => readonly number[]): Selection => {
  const from = Math.min(query.offset, total)
  const to = Math.min(from + query.perPage, total)
  if (query.order?.descending !== true) return { total, rows: slice(from, to) }
  return { total, rows: slice(total - to, total - from).toReversed() }
}

/** The positions that conditions on the ordered key leave, or undefined when they are not all such. */
const span = (
  order: SortedRows,
  key: string,
  type: string | undefined,
  keyOf: (row: number) => SortKey,
  all: readonly Condition[],
) => {
  let from = all.length === 0 ? 0 : order.lowerBound((row) => keyOf(row) !== null)
  let to = order.length
  for (const { key: filtered, operator, value } of all) {
    const bound = boundOf(type, value)
    if (filtered !== key || type === undefined) return undefined
    if (bound === undefined) return { from: 0, to: 0 }
    if (operator !== 'lt' && operator !== 'lte') {
      const above = operator === 'gt' ? 'gt' : 'gte'
      from = Math.max(
        from,
        order.lowerBound((row) => holds(keyOf(row), above, bound)),
      )
    }
    if (operator !== 'gt' && operator !== 'gte') {
      const beyond = operator === 'lt' ? 'gte' : 'gt'
      to = Math.min(
        to,
        order.lowerBound((row) => holds(keyOf(row), beyond, bound)),
      )
    }
  }
  return { from, to: Math.max(from, to) }
}

/** Group memberships are ordered by their person's names; every other key is an attribute of the row. */
const keyOfRow = (world: World, entity: EntityName, key: string) => {
  const collection = world.collections[entity]
  if (collection.spec.attributes[key] !== undefined || key === 'id') return (row: number) => collection.sortKey(row, key)
  const people = world.collections.person
  return (row: number): SortKey => {
    const person = people.row(refOf(world, entity, row, 'person')?.id ?? '')
    return person < 0 ? null : people.sortKey(person, key)
  }
}

export const createSelect = (world: World): Select => {
  const filtered = new Map<string, { readonly version: number; readonly rows: readonly number[] }>()

  const filter = (entity: EntityName, key: string, conditions: readonly Condition[]): readonly number[] => {
    const name = JSON.stringify([entity, key, conditions])
    const version = world.version()
    const known = filtered.get(name)
    if (known?.version === version) return known.rows
    const rows = [...world.collections[entity].order(key).values()].filter(allOf(world, entity, conditions))
    filtered.delete(name)
    filtered.set(name, { version, rows })
    for (const oldest of filtered.keys()) {
      if (filtered.size <= KEPT_FILTERS) break
      filtered.delete(oldest)
    }
    return rows
  }

  const listed = (entity: EntityName, query: ListQuery): Selection => {
    const key = query.order?.key ?? 'id'
    const collection = world.collections[entity]
    const order = collection.order(key)
    const found = span(order, key, collection.spec.attributes[key], (row) => collection.sortKey(row, key), query.conditions)
    if (found !== undefined) {
      return cut(found.to - found.from, query, (from, to) => order.slice(found.from + from, found.from + to))
    }
    const rows = filter(entity, key, query.conditions)
    return cut(rows.length, query, (from, to) => rows.slice(from, to))
  }

  const nested = (entity: EntityName, query: ListQuery, within: readonly number[]): Selection => {
    const kept = query.conditions.length === 0 ? within : within.filter(allOf(world, entity, query.conditions))
    const keyOf = query.order === undefined ? undefined : keyOfRow(world, entity, query.order.key)
    const rows = keyOf === undefined ? kept : kept.toSorted((a, b) => compareKeys(keyOf(a), keyOf(b)) || a - b)
    return cut(rows.length, query, (from, to) => rows.slice(from, to))
  }

  return (entity, query, within) => (within === undefined ? listed(entity, query) : nested(entity, query, within))
}
