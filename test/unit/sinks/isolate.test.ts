import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { silentLogger } from '../../../platform/logger.ts'
import type { BatchRecord, MergeBatch } from '../../../sinks/batch.ts'
import { mergeIsolating } from '../../../sinks/isolate.ts'
import { encodedRecord } from './encoded.ts'

const failure = (code: string, parts: Partial<pg.DatabaseError> = {}) =>
  Object.assign(new pg.DatabaseError('invalid input: "secret"', 1, 'error'), { code, ...parts })

const record = (id: string): BatchRecord => ({
  encoded: encodedRecord(id, { row: { slab: Buffer.from(id), start: 0, end: id.length } }),
  page: undefined,
  index: 0,
  entity: 'person',
  original: { value: Buffer.from(id), origin: undefined },
})
const batch = (ids: readonly string[]): MergeBatch => ({ records: ids.map(record), losers: [], deadLetters: [], asks: [] })
const numbers = Array.from({ length: 1_000 }, (_, i) => `${i}`)

/** A database that refuses any transaction with one of these. */
const refusing = (
  bad: ReadonlySet<string>,
  error = failure('22008', { where: 'COPY staged_person, line 1, column birthdate: "x"' }),
) => {
  const merged: string[] = []
  let transactions = 0
  const merge = async ({ records }: MergeBatch) => {
    transactions++
    if (records.some(({ encoded }) => bad.has(encoded.id))) throw error
    merged.push(...records.map(({ encoded }) => encoded.id))
    return []
  }
  return { merged, merge, transactions: () => transactions }
}

describe('a batch with records that PostgreSQL refuses', () => {
  test('loses these alone, each becoming a dead letter; all others are merged, once', async () => {
    const bad = new Set(['0', '500', '501', '999'])
    const { merged, merge, transactions } = refusing(bad)
    const rejected = await mergeIsolating(batch(numbers), merge, silentLogger)
    expect(rejected.map(({ letter }) => letter.externalId)).toEqual([...bad])
    expect(merged.toSorted()).toEqual(numbers.filter((id) => !bad.has(id)).toSorted())
    expect(transactions()).toBeLessThan(100)
  })

  test('says condition and column, and keeps the bytes; the value itself is told nowhere', async () => {
    const { merge } = refusing(new Set(['1']))
    const [rejected] = await mergeIsolating(batch(['1']), merge, silentLogger)
    expect(rejected?.letter).toMatchObject({
      code: 'constraint',
      stage: 'sink',
      reason: 'PostgreSQL refused the record: SQLSTATE 22008 at birthdate',
    })
    expect(rejected?.value.toString()).toBe('1')
    expect(JSON.stringify(rejected?.letter)).not.toContain('secret')
  })

  test('is not taken apart for any other error', async () => {
    for (const code of ['40P01', '57P01', '42P01', '53100']) {
      const { merge, transactions } = refusing(new Set(['1']), failure(code))
      await expect(mergeIsolating(batch(numbers), merge, silentLogger)).rejects.toMatchObject({ code })
      expect(transactions()).toBe(1)
    }
  })

  test('ends though nothing of it can be put aside', async () => {
    const page = { runId: 'r', rangeId: 0, page: 0, attempt: 0, entity: 'person', count: 1 }
    const loser = { page, index: 0, entity: 'person', externalId: '1', outcome: 'stale' } as const
    const always = async () => {
      throw failure('22026')
    }
    expect(await mergeIsolating({ ...batch(['1']), losers: [loser, loser] }, always, silentLogger)).toHaveLength(1)
  })
})
