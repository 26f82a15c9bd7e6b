// Where a walk by seams stands: after `end` rows of a tie (rows that share the value of the keyset's field; without a field the
// whole collection is one tie). The next page begins a few rows before `end`, and these rows, the seam, must come again.
import { z } from 'zod'
import type { Json } from '../../../manifests/walk.ts'
import { SynclineError } from '../../../platform/errors.ts'

/** Rows of a long tie that are asked for twice. One would do; more survive the deletion of some of them. */
const SEAM_ROWS = 3
/** Whole pages after which a halved page size is doubled again. */
const GOOD_PAGES = 8

const id = z.string().nullable()
const count = z.int().min(0)

const positionSchema = z.strictObject({
  /** The tie's value of the field; null: rows before any value, or no field at all. */
  value: z.string().nullable(),
  end: count,
  /** Ids of the last rows taken, in order; null for a row without one. All of them while the tie is short. */
  seam: z.array(id),
  /** The last rows received that do not show where they stand: those that come again are not new. */
  odd: z.array(z.string()).default([]),
  /** Offset and id of the last row known to have been taken, for looking again. */
  last: z.tuple([count, z.string()]).nullable(),
  /** No page begins before it: a record that cannot be received stands there. */
  floor: count,
  perPage: z.int().min(1),
  /** Pages received since the page size was halved. */
  goodPages: count,
  /** The seam was not there: the next page begins a whole page before `end`. */
  wide: z.boolean(),
  /** How often the tie was begun again because its seam could not be found. */
  restarts: count,
  /** Full pages in a row that brought nothing new. */
  idle: count,
})

/** A page that could not begin before `end` is confirmed by looking again at the last row known: still there, nothing moved. */
const lookSchema = z.strictObject({
  look: z.strictObject({ value: z.string().nullable(), at: count, id: z.string() }),
  /** Where to go on when it is there; null: at the end. */
  same: positionSchema.nullable(),
  moved: positionSchema,
})

const cursorSchema = z.union([positionSchema, lookSchema])

export type Position = Readonly<z.infer<typeof positionSchema>>
export type SeamCursor = Position | Readonly<z.infer<typeof lookSchema>>

/** A cursor comes back from the ledger. Throws SynclineError('incompatible') when it is not one of ours. */
export const parseCursor = (cursor: Json): SeamCursor => {
  const parsed = cursorSchema.safeParse(cursor)
  if (parsed.success) return parsed.data
  throw new SynclineError('incompatible', 'The cursor of a range was written by another version of Syncline', {
    remedy: 'Cancel the run and start a new one.',
  })
}

export const startOfTie = (value: string | null, perPage: number): Position => ({
  value,
  end: 0,
  seam: [],
  odd: [],
  last: null,
  floor: 0,
  perPage,
  goodPages: 0,
  wide: false,
  restarts: 0,
  idle: 0,
})

/**
 * Where the next page begins. A tie of at most half a page is read again whole, because an API need not give equal values in
 * the same order twice; a longer one overlaps by the seam, at most half a page, so that every page gets on.
 */
export const offsetOf = (position: Position): number => {
  const { end, perPage, seam, floor } = position
  if (position.wide) return Math.max(floor, end - perPage)
  if (end <= perPage / 2) return floor
  return Math.max(floor, end - Math.min(SEAM_ROWS, seam.length, perPage >> 1))
}

/** How many ids the seam holds after `end` rows of a tie. */
export const seamLength = (end: number, maxPerPage: number): number => (end <= maxPerPage / 2 ? end : SEAM_ROWS)

/** How often a tie is begun again before the walk goes on without its seam: rows that never keep an order must not hold it up. */
const MAX_RESTARTS = 3

/** The seam is lost: look a page further back, then begin the tie again. Null: that has been done often enough. */
export const stepBack = (position: Position): Position | null => {
  if (position.wide || position.restarts >= MAX_RESTARTS) return restart(position)
  return offsetOf(position) === position.floor ? restart(position) : { ...position, wide: true }
}

export const restart = ({ value, perPage, restarts }: Position): Position | null =>
  restarts < MAX_RESTARTS ? { ...startOfTie(value, perPage), restarts: restarts + 1 } : null

/** A page size that was halved grows again, slowly: large records rarely come alone. */
export const pageSizeAfter = (position: Position, maxPerPage: number): Pick<Position, 'perPage' | 'goodPages'> => {
  const { perPage, goodPages } = position
  if (perPage >= maxPerPage || goodPages + 1 < GOOD_PAGES) return { perPage, goodPages: perPage < maxPerPage ? goodPages + 1 : 0 }
  return { perPage: Math.min(perPage * 2, maxPerPage), goodPages: 0 }
}

export const halved = (position: Position): Position | null =>
  position.perPage === 1 ? null : { ...position, perPage: position.perPage >> 1, goodPages: 0 }

/** After the one record at the position: it stands between us and the seam, so the page after it cannot overlap. */
export const skipped = (position: Position, maxPerPage: number): Position => {
  const end = offsetOf(position) + 1
  return { ...position, end, floor: end, seam: [], perPage: maxPerPage, goodPages: 0, wide: false }
}
