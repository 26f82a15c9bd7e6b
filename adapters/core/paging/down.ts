// Walks down from the newest rows, where a field can be ordered by and not filtered: for what has changed since a moment. A row that
// changes meanwhile moves to the front and pushes others down: they come twice, and it is newer than the walk has to bring.
// Rows without a value, or with one that cannot be read, are passed over: they say nothing of where the walk is.
import type { WalkSpec } from '../../../manifests/walk.ts'
import type { ListPage, Walk } from '../adapter.ts'
import { badResponse } from '../errors.ts'
import { compareKeys } from './keys.ts'
import type { Listing } from './listing.ts'
import { seamWalk } from './seam-walk.ts'

export type DownSpec = WalkSpec & { readonly kind: 'down' }

export const downWalk = (listing: Listing, { field, until }: DownSpec): Walk =>
  seamWalk({
    listing,
    from: null,
    endsShort: false,
    query: () => listing.dialect.order(`-${field}`),
    check: (_, page) => checkOrder(listing.path, field, page),
    keyAt: () => null,
    total: () => null,
    drifted: ({ gaveUp }) => gaveUp,
    isPast: (page) => isBelow(field, until, page),
  })

const checkOrder = (path: string, field: string, page: ListPage): void => {
  if (page.canOrderBy?.includes(field) === false) throw badResponse(`${path} cannot be ordered by ${field}`, { field })
  let before: string | null = null
  for (let index = 0; index < page.ids.length; index++) {
    const key = page.key(index, field)
    if (key === null || key === undefined) continue
    if (before !== null && compareKeys(key, before) > 0) throw badResponse(`${path} ignored the order by ${field}`, { field })
    before = key
  }
}

/** The page's last row with a value changed before `until`: so did all behind it. */
const isBelow = (field: string, until: string, page: ListPage): boolean => {
  for (let index = page.ids.length - 1; index >= 0; index--) {
    const key = page.key(index, field)
    if (key !== null && key !== undefined) return compareKeys(key, until) < 0
  }
  return false
}
