// Which ids of a batch belong to walks that must be proven: goes in a batch, come out the rows for the ledger.
import { countedRanges, rangeRef, type Seen } from '../ledger/seen.ts'
import type { Queryable } from '../platform/postgres.ts'
import type { MergeBatch, PageRef } from './batch.ts'

const REMEMBERED_RANGES = 10_000

export interface CountedRanges {
  /** Those of the ranges (as `rangeRef`) whose ids are recorded. */
  of(client: Queryable, pages: Iterable<PageRef>): Promise<ReadonlySet<string>>
}

/** Asks the ledger once per range: a range never changes in this. */
export const createCountedRanges = (): CountedRanges => {
  const known = new Map<string, boolean>()
  return {
    of: async (client, pages) => {
      if (known.size > REMEMBERED_RANGES) known.clear()
      const wanted = new Map([...pages].map((page) => [rangeRef(page), page]))
      const missing = [...wanted].filter(([ref]) => !known.has(ref))
      const counted = await countedRanges(
        client,
        missing.map(([, page]) => page),
      )
      for (const [ref] of missing) known.set(ref, counted.has(ref))
      return new Set([...wanted.keys()].filter((ref) => known.get(ref) === true))
    },
  }
}

/** Every record counts, losers of the dedupe and dead letters with an id included: the API has listed them. */
const placedIds = function* (batch: MergeBatch): Generator<{ page: PageRef | undefined; externalId: string | null }> {
  for (const { page, encoded } of batch.records) yield { page, externalId: encoded.externalId }
  yield* batch.losers
  for (const { page, letter } of batch.deadLetters) yield { page, externalId: letter.externalId }
}

export const seenOf = async (client: Queryable, batch: MergeBatch, ranges: CountedRanges): Promise<readonly Seen[]> => {
  const idsByPage = new Map<PageRef, string[]>()
  for (const { page, externalId } of placedIds(batch)) {
    if (page === undefined || externalId === null) continue
    const ids = idsByPage.get(page)
    if (ids === undefined) idsByPage.set(page, [externalId])
    else ids.push(externalId)
  }
  const counted = await ranges.of(client, idsByPage.keys())
  return [...idsByPage]
    .filter(([page]) => counted.has(rangeRef(page)))
    .map(([{ runId, rangeId, entity }, externalIds]) => ({ runId, rangeId, entity, externalIds }))
}
