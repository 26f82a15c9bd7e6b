// Merges a batch of which PostgreSQL refuses a part that the merge itself could not put aside (sinks/postgres/put.ts): halves it until
// that part stands alone. Its neighbours are merged.
import type { Logger } from '../platform/logger.ts'
import { refusalOf, sqlState } from '../platform/postgres.ts'
import type { MergeBatch, Rejected } from './batch.ts'
import { refused } from './dead-letters.ts'
import { isRefusal } from './postgres/refusal.ts'

const only = (part: Partial<MergeBatch>): MergeBatch => ({ records: [], losers: [], deadLetters: [], asks: [], ...part })

const halves = <T>(items: readonly T[]): [readonly T[], readonly T[]] => {
  const middle = Math.ceil(items.length / 2)
  return [items.slice(0, middle), items.slice(middle)]
}

/** Two smaller batches, or undefined when there is but one record, one loser or one dead letter. */
const split = ({ records, losers, deadLetters, asks }: MergeBatch): readonly [MergeBatch, MergeBatch] | undefined => {
  if (asks.length > 0 && records.length + losers.length + deadLetters.length > 0) {
    return [only({ asks }), only({ records, losers, deadLetters })]
  }
  if (records.length > 0 && losers.length + deadLetters.length > 0) return [only({ records }), only({ losers, deadLetters })]
  if (losers.length > 0 && deadLetters.length > 0) return [only({ losers }), only({ deadLetters })]
  if (records.length + losers.length + deadLetters.length <= 1) return undefined
  const [a, b] = [halves(records), halves(losers)]
  const c = halves(deadLetters)
  return [only({ records: a[0], losers: b[0], deadLetters: c[0] }), only({ records: a[1], losers: b[1], deadLetters: c[1] })]
}

/**
 * Merges everything that PostgreSQL takes and returns what it refuses, `merge` doing the same. Throws whatever else `merge` throws;
 * parts may then have been merged, which does no harm.
 */
export const mergeIsolating = async (
  batch: MergeBatch,
  merge: (batch: MergeBatch) => Promise<readonly Rejected[]>,
  log: Logger,
): Promise<readonly Rejected[]> => {
  try {
    return await merge(batch)
  } catch (error) {
    if (!isRefusal(error)) throw error
    const parts = split(batch)
    if (parts !== undefined) {
      const [first, second] = parts
      return [...(await mergeIsolating(first, merge, log)), ...(await mergeIsolating(second, merge, log))]
    }
    const [record] = batch.records
    if (record !== undefined) return [refused(record, refusalOf(error))]
    // The landing of a beaten record or of a dead letter: there is nothing left to put aside, and the page stays open.
    log.error({ sqlState: sqlState(error), topic: batch.deadLetters[0]?.letter.topic }, 'a landing was refused and is left out')
    return []
  }
}
