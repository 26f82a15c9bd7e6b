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
  /** From the newest value of a field that can only be ordered by, down to `until`. */
  | { readonly kind: 'down'; readonly field: string; readonly until: string }
  /** Rows that a walk did not show, each asked after by itself: one that is gone becomes a tombstone, another is updated. */
  | { readonly kind: 'confirm'; readonly rows: readonly MissingRow[] }

/** A row that a walk did not show. */
export interface MissingRow {
  readonly externalId: string
  /** External ids of the parents that it cannot be without, by their entity: the path to it may need them. */
  readonly parents: Readonly<Record<string, string>>
}

export interface RangeSpec {
  readonly entity: string
  readonly walk: WalkSpec
  /** Entities that the pages carry besides their own. */
  readonly carries: readonly string[]
}

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json }
