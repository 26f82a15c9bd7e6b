// What a range of a run walks: plain JSON, kept in the ledger, turned into requests by the adapter's paginators.

export type WalkSpec =
  /** Half-open [from, to) over a field's values as the API spells them; null: unbounded. `split`: may still be split into ranges. */
  | {
      readonly kind: 'keyset'
      readonly field: string
      readonly from: string | null
      readonly to: string | null
      readonly split: boolean
    }
  | { readonly kind: 'offset'; readonly order: string | null; readonly sweep: number }
  | { readonly kind: 'parents'; readonly parent: string; readonly ids: readonly string[] }
  /**
   * Requests for one row each, made for their totals only: of the whole collection, and with a field also of the rows that have a
   * value of it, and of the whole once more.
   */
  | { readonly kind: 'count'; readonly field?: string }
  /** Records that lists did not show, each asked for by its external id. One that does not exist is zero records. */
  | { readonly kind: 'ids'; readonly ids: readonly string[] }

export interface RangeSpec {
  readonly entity: string
  readonly walk: WalkSpec
  /** Entities that the pages carry besides their own. */
  readonly carries: readonly string[]
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
