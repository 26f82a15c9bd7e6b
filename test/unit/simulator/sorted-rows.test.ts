import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { compareKeys, SortedRows } from '../../../simulator/sorted-rows.ts'
import type { SortKey } from '../../../simulator/source.ts'

const time = fc.integer({ min: 1_400_000_000, max: 1_400_000_020 })
const key: fc.Arbitrary<SortKey> = fc.oneof(time, fc.constant(null), fc.string({ maxLength: 2 }), fc.double({ noNaN: true }))

const naive = (keys: ReadonlyMap<number, SortKey>): number[] =>
  [...keys.keys()].sort((a, b) => compareKeys(keys.get(a) ?? null, keys.get(b) ?? null) || a - b)

const all = (rows: SortedRows): number[] => [...rows.values()]

describe('sorted rows', () => {
  it.each([
    ['times', time],
    ['keys of every kind', key],
  ] as const)('stay in order while %s come, change and go', (_, keyOf) => {
    const change = fc.record({ row: fc.nat({ max: 2999 }), key: fc.option(keyOf, { nil: undefined }) })
    fc.assert(
      fc.property(fc.array(keyOf, { minLength: 0, maxLength: 2500 }), fc.array(change, { maxLength: 60 }), (start, changes) => {
        const keys = new Map<number, SortKey>(start.map((each, row) => [row, each]))
        const rows = new SortedRows(Uint32Array.from(keys.keys()), (row) => keys.get(row) ?? null)
        for (const { row, key: next } of changes) {
          if (keys.has(row)) rows.remove(row)
          keys.delete(row)
          if (next === undefined) continue
          keys.set(row, next)
          rows.insert(row)
        }
        const expected = naive(keys)
        expect(rows.length).toBe(expected.length)
        expect(all(rows)).toEqual(expected)
        expect(rows.slice(5, 25)).toEqual(expected.slice(5, 25))
        const bound = keys.get(changes[0]?.row ?? 0) ?? null
        const atLeast = (row: number) => compareKeys(keys.get(row) ?? null, bound) >= 0
        const first = expected.findIndex(atLeast)
        expect(rows.lowerBound(atLeast)).toBe(first < 0 ? expected.length : first)
      }),
      { numRuns: 60 },
    )
  })

  it('split chunks that grow, and drop those that empty', () => {
    const keys = new Map<number, SortKey>()
    const rows = new SortedRows(new Uint32Array(0), (row) => keys.get(row) ?? null)
    for (let row = 0; row < 9000; row++) {
      keys.set(row, (row * 7919) % 9001)
      rows.insert(row)
    }
    expect(all(rows)).toEqual(naive(keys))
    for (let row = 0; row < 9000; row++) rows.remove(row)
    expect(all(rows)).toEqual([])
  })
})
