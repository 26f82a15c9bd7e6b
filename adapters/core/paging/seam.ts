// One page of a walk by seams: a position and the rows received go in, the next position comes out. Pure. What must hold: every
// row that was there throughout is received, whatever is inserted or deleted meanwhile, as long as rows keep their order.
import { badResponse } from '../errors.ts'
import { offsetOf, type Position, pageSizeAfter, restart, type SeamCursor, seamLength, stepBack } from './position.ts'

/** Full pages without anything new, after which an API is taken to ignore the offset; rows inserted before us make some, too. */
const MAX_IDLE_PAGES = 10

/** Ids that a cursor keeps; a page has at most half as many rows. */
const MAX_ODD_ROWS = 200

export interface SeamRows {
  readonly ids: readonly (string | null)[]
  /** The field's value of a row as the API spells it; always null without a field, undefined where it cannot be read. */
  keyAt(index: number): string | null | undefined
  readonly hasNext: boolean
}

export interface SeamRules {
  readonly maxPerPage: number
  /** A short page that names no next one ends the walk: for many short lists, where one more request each is too dear. */
  readonly endsShort: boolean
}

export interface Taken {
  readonly next: SeamCursor | null
  readonly fresh: number
  /** The seam did not come again exactly as it was. */
  readonly shifted: boolean
  /** The seam could not be found again and again: the walk went on, and rows may have been missed. */
  readonly gaveUp: boolean
}

/** Throws ApiError('bad-response') when pages come that bring nothing new and do not end. */
export const takePage = (cursor: SeamCursor, rows: SeamRows, rules: SeamRules): Taken => {
  if (!('look' in cursor)) return takeRows(cursor, rows, rules)
  const isThere = rows.ids[0] === cursor.look.id
  return { next: isThere ? cursor.same : cursor.moved, fresh: 0, shifted: !isThere, gaveUp: false }
}

const takeRows = (position: Position, rows: SeamRows, rules: SeamRules): Taken => {
  const offset = offsetOf(position)
  const seam = findSeam(position, offset, rows.ids)
  const back = seam.isLost ? stepBack(position) : null
  if (back !== null) return { next: back, fresh: 0, shifted: true, gaveUp: false }

  const next = isEnd(position, rows, seam, rules) ? null : positionAfter(position, offset, rows, seam, rules)
  const taken = { fresh: seam.fresh, shifted: seam.isShifted, gaveUp: seam.isLost }
  const { last, value } = position
  if (offset < position.end || last === null) return { ...taken, next }
  const moved = restart(position)
  if (moved === null) return { ...taken, next, gaveUp: true }
  return { ...taken, next: { look: { value, at: last[0], id: last[1] }, same: next, moved } }
}

interface FoundSeam {
  readonly isLost: boolean
  readonly isShifted: boolean
  readonly newIds: number
  readonly fresh: number
}

/** From the tie's start everything is in view and order does not matter; further on, what follows the seam's last row is new. */
const findSeam = (position: Position, offset: number, ids: SeamRows['ids']): FoundSeam => {
  const known = new Set(position.seam)
  const odd = new Set(position.odd)
  const lastKnown = ids.findLastIndex((id) => id !== null && known.has(id))
  const mustOverlap = offset < position.end && position.seam.some((id) => id !== null)
  const isNew = (id: string | null, index: number) => id !== null && !known.has(id) && (offset === 0 || index > lastKnown)
  const newIds = ids.filter(isNew).length
  const withoutId = ids.filter((id, index) => id === null && index > lastKnown).length
  return {
    isLost: mustOverlap && lastKnown === -1 && offset > 0,
    isShifted: mustOverlap && !repeats(position, offset, ids),
    newIds,
    fresh: ids.filter((id, index) => isNew(id, index) && !odd.has(id ?? '')).length + withoutId,
  }
}

const repeats = ({ end, seam }: Position, offset: number, ids: SeamRows['ids']): boolean => {
  const overlap = Math.min(end - offset, seam.length)
  const again = ids.slice(end - offset - overlap, end - offset)
  return again.length === overlap && seam.slice(-overlap).every((id, index) => id === again[index])
}

const isEnd = (position: Position, rows: SeamRows, seam: FoundSeam, rules: SeamRules): boolean => {
  if (rows.ids.length >= position.perPage) return false
  return seam.newIds === 0 || (rules.endsShort && !rows.hasNext)
}

const positionAfter = (position: Position, offset: number, rows: SeamRows, seam: FoundSeam, rules: SeamRules): Position => {
  const { ids } = rows
  const idle = seam.newIds === 0 ? position.idle + 1 : 0
  if (idle > MAX_IDLE_PAGES) throw badResponse('The list does not advance: page after page brings the same records')
  const size = { ...pageSizeAfter(position, rules.maxPerPage), wide: false, idle }
  const tie = tieAtEnd(rows, position.value)
  const odd = oddAfter(position, rows)
  if (tie === null) {
    const end = offset + ids.length
    const before = offset === 0 ? [] : position.seam.filter((id) => id !== null && !ids.includes(id))
    const last = lastKnown(ids, offset) ?? position.last
    const seam = [...before, ...ids].slice(-seamLength(end, rules.maxPerPage))
    return { ...position, ...size, end, last, seam, odd }
  }
  const tied = ids.slice(tie.from, tie.to)
  const kept = tied.slice(-seamLength(tied.length, rules.maxPerPage))
  const last = lastKnown(tied, 0)
  return { ...position, ...size, value: tie.value, end: tied.length, seam: kept, odd, last, floor: 0, restarts: 0 }
}

/** A page may end before the rows that share a value with them: they are known beyond their tie. */
const oddAfter = ({ odd }: Position, { ids, keyAt }: SeamRows): string[] => {
  const more = ids.filter((id, index): id is string => id !== null && keyAt(index) === undefined)
  return more.length === 0 ? odd : [...new Set([...odd, ...more])].slice(-MAX_ODD_ROWS)
}

/** The rows of the page's last value, when it is a later one than the position's; rows without a value may follow them. */
const tieAtEnd = (rows: SeamRows, value: string | null): { value: string; from: number; to: number } | null => {
  let to = rows.ids.length
  while (to > 0 && rows.keyAt(to - 1) == null) to--
  const last = rows.keyAt(to - 1) ?? null
  if (last === null || last === value) return null
  let from = to - 1
  // A row that does not show its value has that of its neighbours.
  for (let index = from - 1; index >= 0; index--) {
    const value = rows.keyAt(index)
    if (value === last) from = index
    else if (value !== undefined) break
  }
  return { value: last, from, to }
}

const lastKnown = (ids: readonly (string | null)[], offset: number): [number, string] | null => {
  const index = ids.findLastIndex((id) => id !== null)
  const id = ids[index]
  return id === null || id === undefined ? null : [offset + index, id]
}
