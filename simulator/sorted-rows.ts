// Rows in the order of one key, kept right while rows come and go: chunks of at most CHUNK rows, found by binary search.
// Asking for a position and moving one row cost microseconds at a million rows; building costs one sort.
import type { SortKey } from './source.ts'

const CHUNK = 1024
/** A rank and a row fit in one exact double below these, and typed arrays of doubles sort several times faster than objects. */
const MAX_ROW = 2 ** 23
const MAX_RANK = 2 ** 30

export type KeyOf = (row: number) => SortKey

const rank = (key: SortKey): number => (key === null ? 0 : typeof key === 'number' ? 1 : 2)

/** Null first, numbers before text. */
export const compareKeys = (a: SortKey, b: SortKey): number => {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const kinds = rank(a) - rank(b)
  if (kinds !== 0 || a === null || b === null) return kinds
  return a < b ? -1 : a > b ? 1 : 0
}

/** Ranks of keys that are whole numbers within thirty years of seconds: the numbers themselves. Otherwise undefined. */
const numberRanks = (keys: readonly SortKey[]): Float64Array | undefined => {
  let least = Number.POSITIVE_INFINITY
  let most = Number.NEGATIVE_INFINITY
  for (const key of keys) {
    if (typeof key !== 'number' || !Number.isInteger(key)) return undefined
    least = Math.min(least, key)
    most = Math.max(most, key)
  }
  return most - least < MAX_RANK ? Float64Array.from(keys, (key) => Number(key) - least) : undefined
}

/** Ranks of any keys, by sorting the distinct ones: names of a million people are some thousands. */
const ranksOf = (keys: readonly SortKey[]): Float64Array => {
  const ranks = new Map<SortKey, number>()
  for (const [rank, key] of [...new Set(keys)].sort(compareKeys).entries()) ranks.set(key, rank)
  return Float64Array.from(keys, (key) => ranks.get(key) ?? 0)
}

/** `rows` must be ascending. */
const sortRows = (rows: Uint32Array, keyOf: KeyOf): Uint32Array => {
  if ((rows.at(-1) ?? 0) >= MAX_ROW) throw new Error(`A collection is ordered up to ${MAX_ROW} rows`)
  const keys = Array.from(rows, keyOf)
  const ranks = numberRanks(keys) ?? ranksOf(keys)
  const pairs = ranks.map((rank, at) => rank * MAX_ROW + (rows[at] ?? 0))
  if (pairs.every((pair, at) => at === 0 || (pairs[at - 1] ?? 0) < pair)) return rows
  pairs.sort()
  return rows.map((_, at) => (pairs[at] ?? 0) % MAX_ROW)
}

export class SortedRows {
  readonly #keyOf: KeyOf
  readonly #chunks: Uint32Array[] = []
  /** Position of each chunk's first row; rebuilt after a change. */
  #starts: number[] | undefined
  #length: number

  /** Takes ascending rows, and may reorder the array itself. */
  constructor(rows: Uint32Array, keyOf: KeyOf) {
    this.#keyOf = keyOf
    this.#length = rows.length
    const sorted = sortRows(rows, keyOf)
    for (let from = 0; from < sorted.length; from += CHUNK) this.#chunks.push(sorted.slice(from, from + CHUNK))
  }

  get length(): number {
    return this.#length
  }

  at(position: number): number {
    const chunk = this.#chunkAt(position)
    return this.#chunks[chunk]?.[position - (this.#offsets()[chunk] ?? 0)] ?? -1
  }

  /** The rows at positions from..to-1. */
  slice(from: number, to: number): number[] {
    const rows: number[] = []
    for (let position = Math.max(0, from); position < Math.min(to, this.#length); position++) rows.push(this.at(position))
    return rows
  }

  *values(): Generator<number> {
    for (const rows of this.#chunks) yield* rows
  }

  /** The first position from which `holds` is true; it must be false before and true after. */
  lowerBound(holds: (row: number) => boolean): number {
    const chunk = lowest(this.#chunks.length, (at) => holds(last(this.#chunks[at])))
    const rows = this.#chunks[chunk]
    if (rows === undefined) return this.#length
    return (this.#offsets()[chunk] ?? 0) + lowest(rows.length, (at) => holds(rows[at] ?? 0))
  }

  /** To be called when the row has its new key. */
  insert(row: number): void {
    const found = lowest(this.#chunks.length, (at) => this.#compare(last(this.#chunks[at]), row) >= 0)
    const chunk = Math.min(found, this.#chunks.length - 1)
    const rows = this.#chunks[chunk] ?? new Uint32Array(0)
    const at = lowest(rows.length, (place) => this.#compare(rows[place] ?? 0, row) >= 0)
    const grown = new Uint32Array(rows.length + 1)
    grown.set(rows.subarray(0, at))
    grown[at] = row
    grown.set(rows.subarray(at), at + 1)
    this.#replace(Math.max(0, chunk), grown)
    this.#length += 1
  }

  /** To be called while the row still has its old key. */
  remove(row: number): void {
    const chunk = lowest(this.#chunks.length, (at) => this.#compare(last(this.#chunks[at]), row) >= 0)
    const rows = this.#chunks[chunk]
    const at = rows?.indexOf(row) ?? -1
    if (rows === undefined || at < 0) throw new Error(`Row ${row} is not where its key says; a key changed unnoticed`)
    this.#replace(
      chunk,
      rows.filter((_, place) => place !== at),
    )
    this.#length -= 1
  }

  #replace(chunk: number, rows: Uint32Array): void {
    this.#starts = undefined
    if (rows.length === 0) this.#chunks.splice(chunk, 1)
    else if (rows.length <= 2 * CHUNK) this.#chunks[chunk] = rows
    else this.#chunks.splice(chunk, 1, rows.slice(0, CHUNK), rows.slice(CHUNK))
  }

  #compare(a: number, b: number): number {
    return compareKeys(this.#keyOf(a), this.#keyOf(b)) || a - b
  }

  #offsets(): number[] {
    if (this.#starts !== undefined) return this.#starts
    let position = 0
    this.#starts = this.#chunks.map((rows) => {
      position += rows.length
      return position - rows.length
    })
    return this.#starts
  }

  #chunkAt(position: number): number {
    const starts = this.#offsets()
    return lowest(starts.length, (at) => (starts[at] ?? 0) > position) - 1
  }
}

const last = (rows: Uint32Array | undefined): number => rows?.[rows.length - 1] ?? 0

/** The first of 0..size-1 for which `holds` is true, or size. */
const lowest = (size: number, holds: (at: number) => boolean): number => {
  let from = 0
  let to = size
  while (from < to) {
    const middle = (from + to) >>> 1
    if (holds(middle)) to = middle
    else from = middle + 1
  }
  return from
}
