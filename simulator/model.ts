// What a sync of this organisation must end with, record by record, and what has been done to it: tests compare with this.
import type { EntityName } from './catalogue/spec.ts'
import type { Journal, JournalEntry } from './journal.ts'
import { type ApiRecord, apiForm } from './render.ts'
import type { World } from './world.ts'

export interface Corrupted {
  readonly id: string
  /** What is served in place of the record. */
  readonly text: string
}

export interface Model {
  /** Every record that can be delivered, by id, as the API shows it but with every relationship (household memberships name theirs). */
  rows(entity: EntityName): Iterable<ApiRecord>
  row(entity: EntityName, id: string): ApiRecord | undefined
  count(entity: EntityName): number
  /** The records served in a corrupted form; they are not among the rows. */
  corrupted(entity: EntityName): Corrupted[]
  readonly journal: readonly JournalEntry[]
}

export const createModel = (world: () => World, journal: () => Journal): Model => {
  const corrupted: Model['corrupted'] = (entity) => {
    const collection = world().collections[entity]
    return [...collection.plantedRows()].map(([row, text]) => ({ id: collection.id(row), text }))
  }
  return {
    *rows(entity) {
      const now = world()
      const collection = now.collections[entity]
      for (const row of collection.rows()) if (collection.planted(row) === undefined) yield apiForm(now, entity, row)
    },
    row: (entity, id) => {
      const row = world().collections[entity].row(id)
      return row < 0 || world().collections[entity].planted(row) !== undefined ? undefined : apiForm(world(), entity, row)
    },
    count: (entity) => world().collections[entity].count - corrupted(entity).length,
    corrupted,
    get journal() {
      return journal().entries
    },
  }
}
