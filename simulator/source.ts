// Where the rows of one entity come from before anyone changes them. Rows are numbered 0..size-1 in ascending order of id.
import type { JsonWriter } from './json-writer.ts'
import type { Json, Relation, Resource } from './resource.ts'

/** What rows are compared by: seconds for times, text otherwise; null stands first. */
export type SortKey = number | string | null

export interface Source {
  readonly size: number
  id(row: number): string
  /** The row of an id, or -1. */
  row(id: string): number
  attribute(row: number, name: string): Json | undefined
  /** All attributes as a JSON object: the fast way to a page. */
  writeAttributes(row: number, out: JsonWriter): void
  /** A to-one relationship of the catalogue, hidden ones included. */
  relation(row: number, name: string): Relation | undefined
  resource(row: number): Resource
  /** The rows whose to-one relationship `name` points to `id`, ascending. */
  children(name: string, id: string): readonly number[]
  /** The id that the next new row gets, above all others. */
  readonly nextId: number
  /** Seconds of a time attribute without making its text; undefined where the source has no short cut. */
  seconds?(row: number, name: string): number | undefined
}

const none: readonly number[] = []

/** A source without rows. */
export const emptySource = (nextId: number): Source => ({
  size: 0,
  nextId,
  id: () => '',
  row: () => -1,
  attribute: () => undefined,
  writeAttributes: (_, out) => out.text('{}'),
  relation: () => undefined,
  resource: () => ({ type: '', id: '', attributes: {}, relationships: {} }),
  children: () => none,
})
