// Walks along a field that can be ordered and filtered: each page begins at the last value seen, so rows that come, go or change
// elsewhere do not move it. An API that ignores a filter or an order it does not know answers 200: every page is checked.
import type { WalkSpec } from '../../../manifests/walk.ts'
import type { ListPage, Walk } from '../adapter.ts'
import { badResponse } from '../errors.ts'
import { compareKeys } from './keys.ts'
import type { Listing } from './listing.ts'
import { type Ask, seamWalk } from './seam-walk.ts'

export type KeysetSpec = WalkSpec & { readonly kind: 'keyset' }

/**
 * A row whose value cannot be read is received like any other; it neither moves the walk nor proves anything.
 * Rows whose value is null come only in pages without a filter, so they are received where the API orders them first; where it
 * orders them last, the closing check of the total finds them missing.
 */
export const keysetWalk = (listing: Listing, spec: KeysetSpec): Walk => {
  const { field, to } = spec
  return seamWalk({
    listing,
    from: spec.from,
    endsShort: false,
    query: ({ value }) => ({ ...listing.dialect.between(field, value, to), ...listing.dialect.order(field) }),
    check: (ask, page) => {
      checkNames(listing.path, field, page)
      checkRows(listing.path, spec, ask, page)
    },
    keyAt: (page, index) => page.key(index, field),
    total: ({ value }, page) => (value === null && to === null ? page.total : null),
    drifted: ({ gaveUp }) => gaveUp,
  })
}

const checkNames = (path: string, field: string, page: ListPage): void => {
  if (page.canOrderBy?.includes(field) === false) throw badResponse(`${path} cannot be ordered by ${field}`, { field })
  if (page.canQueryBy?.includes(field) === false) throw badResponse(`${path} cannot be filtered by ${field}`, { field })
}

const checkRows = (path: string, { field, to }: KeysetSpec, { value, offset }: Ask, page: ListPage): void => {
  const ignored = (what: string) => badResponse(`${path} ignored the ${what} by ${field}`, { field, offset })
  const isFiltered = value !== null || to !== null
  let before: string | null = null
  for (let index = 0; index < page.ids.length; index++) {
    const key = page.key(index, field)
    if (key === null && isFiltered) throw ignored('filter')
    if (key === null || key === undefined) continue
    if (value !== null && compareKeys(key, value) < 0) throw ignored('filter')
    if (to !== null && compareKeys(key, to) >= 0) throw ignored('filter')
    if (before !== null && compareKeys(key, before) < 0) throw ignored('order')
    before = key
  }
}
