// When a keyset range is worth splitting, so that several are walked at once. Ranges are split evenly in time, rows are not even
// in time: so a range with much left is split again and again while few ranges are open, instead of being measured beforehand.
import type { Adapter, ListPage } from '../adapters/core/adapter.ts'
import { openRanges, type RangeKey } from '../ledger/ranges.ts'
import type { RangeSpec, WalkSpec } from '../manifests/walk.ts'
import type { Queryable } from '../platform/postgres.ts'

/** Ranges of one entity open at once; how many records make another one worthwhile; how often a walk looks. */
const MAX_OPEN_RANGES = 8
const RECORDS_PER_RANGE = 2_000
const LOOK_EVERY_PAGES = 20

/** Into how many ranges so many records are worth splitting; 1: it stays whole. */
export const rangesWorth = (records: number): number =>
  Math.min(MAX_OPEN_RANGES, Math.max(1, Math.floor(records / RECORDS_PER_RANGE)))

export interface SplitQuestion {
  readonly range: RangeKey
  readonly spec: RangeSpec
  /** Number of the page just received, from 0 in its range. */
  readonly page: number
  readonly listed: ListPage | null
  readonly now: Date
}

/** The ranges to go on with, the first being the rest of this one; fewer than two mean: it stays whole. */
export const partsOf = async (client: Queryable, adapter: Adapter, question: SplitQuestion): Promise<readonly WalkSpec[]> => {
  const { range, spec, page, listed, now } = question
  const { walk } = spec
  if (walk.kind !== 'keyset' || !walk.split || listed === null || page % LOOK_EVERY_PAGES !== 0) return []
  // The total of a filtered request is what is left of the range.
  const worthwhile = rangesWorth(listed.total ?? 0)
  if (worthwhile < 2) return []
  const free = MAX_OPEN_RANGES - (await openRanges(client, range.runId, spec.entity))
  const parts = Math.min(worthwhile, free + 1)
  if (parts < 2) return []
  return adapter.splitRange(walk, listed, now, parts).map((part) => ({ ...part, split: true }))
}
