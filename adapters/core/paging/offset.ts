// Walks a list by one chain of offsets. Rows that come or go while it is walked shift the pages: the seam shows it, and the walk
// goes back for what it would have missed. Rows that change places can still be missed: the step says `drifted`.
import type { WalkSpec } from '../../../manifests/walk.ts'
import type { ListPage, Walk } from '../adapter.ts'
import { badResponse } from '../errors.ts'
import type { Listing } from './listing.ts'
import { seamWalk } from './seam-walk.ts'

export const offsetWalk = (listing: Listing, spec: WalkSpec & { readonly kind: 'offset' }): Walk =>
  chainWalk(listing, spec.order, false)

/** `isPart`: the list is one of many short ones; its total says nothing of the collection, and a short page may end it. */
export const chainWalk = (listing: Listing, order: string | null, isPart: boolean): Walk =>
  seamWalk({
    listing,
    from: null,
    endsShort: isPart,
    query: () => (order === null ? {} : listing.dialect.order(order)),
    check: (_, page) => checkOrder(listing.path, order, page),
    keyAt: () => null,
    total: (_, page) => (isPart ? null : page.total),
    drifted: (taken, { offset }, page) =>
      taken.shifted || taken.gaveUp || (isPart && taken.next === null && lacksRows(offset, page)),
  })

/** The list ends with this page and has another length than it says. */
const lacksRows = (offset: number, { total, ids }: ListPage): boolean => total !== null && offset + ids.length !== total

const checkOrder = (path: string, order: string | null, page: ListPage): void => {
  const field = order?.replace(/^-/, '')
  if (field !== undefined && page.canOrderBy?.includes(field) === false) {
    throw badResponse(`${path} cannot be ordered by ${field}`, { field })
  }
}
