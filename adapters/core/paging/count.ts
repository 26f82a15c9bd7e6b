// One request for one row, made for the total of the whole collection.
import type { Walk } from '../adapter.ts'
import { type Listing, listRequest } from './listing.ts'

export const countWalk = (listing: Listing): Walk => ({
  start: 'count',
  request: () => listRequest(listing, listing.dialect.page(0, 1)),
  advance: (_, page) => ({ next: null, fresh: 0, total: page.total, drifted: false }),
  halve: () => null,
  skip: () => 'count',
  skipGone: null,
})
