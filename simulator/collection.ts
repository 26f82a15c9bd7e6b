// The living rows of one entity: a source that never changes, and over it what was changed, added and deleted since.
import { SynclineError } from '../platform/errors.ts'
import type { EntitySpec } from './catalogue/spec.ts'
import type { JsonWriter } from './json-writer.ts'
import { type Json, type Relation, type Resource, toOne } from './resource.ts'
import { SortedRows } from './sorted-rows.ts'
import type { SortKey, Source } from './source.ts'

const refIds = (resource: Resource): [string, string][] =>
  Object.entries(resource.relationships).flatMap(([name, relation]): [string, string][] => {
    const ref = toOne(relation)
    return ref === undefined ? [] : [[name, ref.id]]
  })

export class Collection {
  readonly spec: EntitySpec
  readonly #source: Source
  readonly #changed = new Map<number, Resource>()
  readonly #added = new Map<string, number>()
  readonly #deleted = new Set<number>()
  /** Changed and added rows by `relationship:id`. */
  readonly #changedChildren = new Map<string, Set<number>>()
  readonly #planted = new Map<number, string>()
  /** Living rows that no order has. */
  readonly #hidden = new Set<number>()
  /** Of the hidden ones those that the list's total counts all the same. */
  readonly #counted = new Set<number>()
  readonly #orders = new Map<string, SortedRows>()
  #nextRow: number
  #nextId: number
  /** Rises with every change, so that who keeps something made from the rows sees when it is old. */
  version = 0

  constructor(spec: EntitySpec, source: Source) {
    this.spec = spec
    this.#source = source
    this.#nextRow = source.size
    this.#nextId = source.nextId
  }

  get count(): number {
    return this.#nextRow - this.#deleted.size
  }

  /** The row of a living record, or -1. */
  row(id: string): number {
    const row = this.#added.get(id) ?? this.#source.row(id)
    return this.#deleted.has(row) ? -1 : row
  }

  /** True for an id that was here and is no more. */
  isDeleted(id: string): boolean {
    return this.#deleted.size > 0 && this.#deleted.has(this.#added.get(id) ?? this.#source.row(id))
  }

  id(row: number): string {
    return row < this.#source.size ? this.#source.id(row) : (this.#changed.get(row)?.id ?? '')
  }

  attribute(row: number, name: string): Json | undefined {
    const changed = this.#changed.get(row)
    return changed === undefined ? this.#source.attribute(row, name) : changed.attributes[name]
  }

  writeAttributes(row: number, out: JsonWriter): void {
    const changed = this.#changed.size === 0 ? undefined : this.#changed.get(row)
    if (changed === undefined) this.#source.writeAttributes(row, out)
    else out.text(JSON.stringify(changed.attributes))
  }

  relation(row: number, name: string): Relation | undefined {
    const changed = this.#changed.get(row)
    return changed === undefined ? this.#source.relation(row, name) : changed.relationships[name]
  }

  resource(row: number): Resource {
    return this.#changed.get(row) ?? this.#source.resource(row)
  }

  /** The living rows whose relationship `name` points to `id`, ascending. */
  children(name: string, id: string): readonly number[] {
    const base = this.#source.children(name, id)
    if (this.version === 0) return base
    const kept = base.filter((row) => !this.#deleted.has(row) && !this.#changed.has(row))
    const others = this.#changedChildren.get(`${name}:${id}`)
    return others === undefined ? kept : [...kept, ...others].sort((a, b) => a - b)
  }

  /** What a row is ordered and compared by. Times are seconds; what is no value of its type counts as null. */
  sortKey(row: number, name: string): SortKey {
    if (name === 'id') return row
    const type = this.spec.attributes[name]
    if (type === 'date_time' && !this.#changed.has(row)) {
      const seconds = this.#source.seconds?.(row, name)
      if (seconds !== undefined) return seconds
    }
    return toSortKey(type, this.attribute(row, name))
  }

  /** All living rows that are not hidden, in the order of a key; rows of equal keys by id. */
  order(name: string): SortedRows {
    const known = this.#orders.get(name)
    if (known !== undefined) return known
    const rows = new Uint32Array(this.count - this.#hidden.size)
    let at = 0
    for (let row = 0; row < this.#nextRow; row++) if (!this.#deleted.has(row) && !this.#hidden.has(row)) rows[at++] = row
    const order = new SortedRows(rows, (key) => this.sortKey(key, name))
    this.#orders.set(name, order)
    return order
  }

  /** Living rows by id. */
  *rows(): Generator<number> {
    for (let row = 0; row < this.#nextRow; row++) if (!this.#deleted.has(row)) yield row
  }

  /** An id above all given so far. */
  claimId(): string {
    return String(this.#nextId)
  }

  /** The id must be above all others: lists are in the order of rows, and that must stay the order of ids. */
  insert(resource: Resource): number {
    if (!(Number(resource.id) >= this.#nextId)) {
      throw new SynclineError('usage', `The id ${resource.id} is not above those given so far; the next is ${this.#nextId}`)
    }
    const row = this.#nextRow++
    this.#nextId = Number(resource.id) + 1
    this.#added.set(resource.id, row)
    this.#keep(row, resource)
    for (const order of this.#orders.values()) order.insert(row)
    this.version += 1
    return row
  }

  replace(row: number, resource: Resource): void {
    const moved = this.#hidden.has(row) ? [] : [...this.#orders].filter(([name]) => name !== 'id')
    for (const [, order] of moved) order.remove(row)
    this.#forget(row)
    this.#keep(row, resource)
    for (const [, order] of moved) order.insert(row)
    this.version += 1
  }

  delete(row: number): void {
    this.hide(row)
    this.#hidden.delete(row)
    this.#counted.delete(row)
    this.#deleted.add(row)
    this.#forget(row)
    this.#planted.delete(row)
    this.version += 1
  }

  /** By how much the total of the list of all is above what it lists. */
  get overcount(): number {
    return this.#counted.size
  }

  /** Leaves a row out of every order, and so out of the list of all. */
  hide(row: number, counted = false): void {
    if (this.#hidden.has(row)) return
    if (counted) this.#counted.add(row)
    for (const order of this.#orders.values()) order.remove(row)
    this.#hidden.add(row)
    this.version += 1
  }

  /** Serves `text` in place of the record, whatever it is; undefined takes it away again. */
  plant(row: number, text: string | undefined): void {
    if (text === undefined) this.#planted.delete(row)
    else this.#planted.set(row, text)
    this.version += 1
  }

  planted(row: number): string | undefined {
    return this.#planted.size === 0 ? undefined : this.#planted.get(row)
  }

  plantedRows(): ReadonlyMap<number, string> {
    return this.#planted
  }

  #keep(row: number, resource: Resource): void {
    this.#changed.set(row, resource)
    for (const [name, id] of refIds(resource)) {
      const key = `${name}:${id}`
      const rows = this.#changedChildren.get(key) ?? new Set()
      this.#changedChildren.set(key, rows.add(row))
    }
  }

  #forget(row: number): void {
    const resource = this.#changed.get(row)
    if (resource === undefined) return
    for (const [name, id] of refIds(resource)) this.#changedChildren.get(`${name}:${id}`)?.delete(row)
    this.#changed.delete(row)
  }
}

export const toSortKey = (type: string | undefined, value: Json | undefined): SortKey => {
  if (value === undefined || value === null) return null
  if (typeof value === 'boolean') return value ? 1 : 0
  if (typeof value === 'number') return value
  if (typeof value !== 'string') return null
  if (type !== 'date_time') return value.toLowerCase()
  const time = Date.parse(value)
  return Number.isNaN(time) ? null : time / 1000
}
