// A Walk by seams: sequences the pure step of seam.ts. Keyset and offset walks differ only in what they ask and what they check.
import type { Json } from '../../../manifests/walk.ts'
import type { ListPage, Walk, WalkStep } from '../adapter.ts'
import { type Listing, listRequest } from './listing.ts'
import { halved, offsetOf, parseCursor, type SeamCursor, skipped, startOfTie } from './position.ts'
import { type SeamRules, type Taken, takePage } from './seam.ts'

/** What one request asks for. */
export interface Ask {
  readonly value: string | null
  readonly offset: number
  readonly perPage: number
}

export interface SeamWalkParts extends Pick<SeamRules, 'endsShort'> {
  readonly listing: Listing
  /** Value to begin at. */
  readonly from: string | null
  /** Filter and order of a request, without its page. */
  query(ask: Ask): Readonly<Record<string, string>>
  /** Throws ApiError('bad-response') when the page is not what was asked for. */
  check(ask: Ask, page: ListPage): void
  keyAt(page: ListPage, index: number): string | null | undefined
  total(ask: Ask, page: ListPage): number | null
  drifted(taken: Taken, ask: Ask, page: ListPage): boolean
  /** The page has gone beyond what is wanted: the walk ends with it, unless it goes back for what it would have missed. */
  isPast?(page: ListPage): boolean
}

export const seamWalk = (parts: SeamWalkParts): Walk => {
  const { listing } = parts
  const rules = { maxPerPage: listing.maxPerPage, endsShort: parts.endsShort }
  return {
    start: startOfTie(parts.from, listing.maxPerPage),
    request: (cursor) => {
      const ask = askOf(parseCursor(cursor))
      return listRequest(listing, { ...parts.query(ask), ...listing.dialect.page(ask.offset, ask.perPage) })
    },
    advance: (cursor, page): WalkStep => {
      const at = parseCursor(cursor)
      const ask = askOf(at)
      parts.check(ask, page)
      const { ids, hasNext } = page
      const taken = takePage(at, { ids, hasNext, keyAt: (index) => parts.keyAt(page, index) }, rules)
      const isLast = parts.isPast?.(page) === true && !goesBack(at, taken)
      const next = isLast ? null : taken.next
      return { next, fresh: taken.fresh, total: parts.total(ask, page), drifted: parts.drifted(taken, ask, page) }
    },
    halve: (cursor): Json | null => {
      const at = parseCursor(cursor)
      return 'look' in at ? null : halved(at)
    },
    skip: (cursor): Json => {
      const at = parseCursor(cursor)
      // A row that was received before and now cannot be: it moved.
      return 'look' in at ? at.moved : skipped(at, listing.maxPerPage)
    },
    skipGone: null,
  }
}

/** Rows moved, or may have: what it looks at next decides where it stands. */
const goesBack = (at: SeamCursor, { next, fresh, shifted }: Taken): boolean =>
  'look' in at || (shifted && fresh === 0) || (next !== null && 'look' in next)

const askOf = (cursor: SeamCursor): Ask =>
  'look' in cursor
    ? { value: cursor.look.value, offset: cursor.look.at, perPage: 1 }
    : { value: cursor.value, offset: offsetOf(cursor), perPage: cursor.perPage }
