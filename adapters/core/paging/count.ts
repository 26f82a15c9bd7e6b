// Requests for one row each, made for the totals: of the whole collection, and, given a field, of those of its rows that have a value,
// and of the whole again. A row without a value is in no filtered page: a walk along the field cannot see it, its absence shows here.
import type { ListPage, Walk, WalkStep } from '../adapter.ts'
import { badResponse } from '../errors.ts'
import { type Listing, listRequest } from './listing.ts'

/** Before any row's value. */
const EARLIEST = '1000-01-01T00:00:00Z'

/** What a keyed page counts comes as its `fresh`: a total is one of the whole collection. */
export const countWalk = (listing: Listing, field?: string): Walk => {
  const advance = (cursor: unknown, page: ListPage): WalkStep => {
    if (cursor !== 'keyed' || field === undefined) {
      const isLast = field === undefined || cursor === 'again'
      return { next: isLast ? null : 'keyed', fresh: 0, total: page.total, drifted: false }
    }
    checkFilter(listing.path, field, page)
    return { next: 'again', fresh: page.total ?? 0, total: null, drifted: false }
  }
  return {
    start: 'count',
    request: (cursor) => {
      const filter = cursor === 'keyed' && field !== undefined ? listing.dialect.between(field, EARLIEST, null) : {}
      return listRequest(listing, { ...filter, ...listing.dialect.page(0, 1) })
    },
    advance,
    halve: () => null,
    skip: (cursor) => cursor,
    skipGone: null,
  }
}

const checkFilter = (path: string, field: string, page: ListPage): void => {
  if (page.canQueryBy?.includes(field) === false) throw badResponse(`${path} cannot be filtered by ${field}`, { field })
  // One that cannot be read has a value all the same.
  if (page.ids.length > 0 && page.key(0, field) === null) throw badResponse(`${path} ignored the filter by ${field}`, { field })
}
