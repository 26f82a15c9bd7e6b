// What a walk needs to know of an API's list: where it is, what every request carries, how the API spells its parameters.
import type { ApiRequest } from '../adapter.ts'

/** Query parameters of one API; the walks know nothing else of its spelling. */
export interface Dialect {
  page(offset: number, perPage: number): Readonly<Record<string, string>>
  /** `-field` is descending. */
  order(order: string): Readonly<Record<string, string>>
  /** Half-open: values at or after `from` and before `to`; null is unbounded. */
  between(field: string, from: string | null, to: string | null): Readonly<Record<string, string>>
}

export interface Listing {
  readonly path: string
  /** Sent with every request of the walk, e.g. `include`. */
  readonly query: Readonly<Record<string, string>>
  readonly maxPerPage: number
  readonly dialect: Dialect
}

export const listRequest = (listing: Listing, query: Readonly<Record<string, string>>): ApiRequest => ({
  method: 'GET',
  path: listing.path,
  query: { ...listing.query, ...query },
})
