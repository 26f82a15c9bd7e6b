import { describe, expect, it } from 'vitest'
import { type KeysetSpec, keysetWalk } from '../../../../adapters/core/paging/keyset.ts'
import { splitRange } from '../../../../adapters/core/paging/split-range.ts'
import { answer, listing, type Row } from './collection.ts'

const whole: KeysetSpec = { kind: 'keyset', field: 'key', from: null, to: null, split: true }
const pageOf = (keys: readonly (string | null)[], total: number | null = 1000) => {
  const rows: Row[] = keys.map((key, index) => ({ id: String(index), key, name: '' }))
  const walk = keysetWalk(listing(100), whole)
  return answer(rows, walk.request(walk.start), { total: () => total, nulls: 'last' })
}
const now = new Date('2024-01-01T00:00:40.500Z')

describe('splitting a range after its first page', () => {
  it('makes ranges even in time, spelt as the API does, the last one unbounded', () => {
    const ranges = splitRange(whole, pageOf(['2023-12-31T23:59:00Z', '2024-01-01T00:00:00Z']), now, 4)
    expect(ranges.map(({ from, to }) => [from, to])).toEqual([
      [null, '2024-01-01T00:00:10Z'],
      ['2024-01-01T00:00:10Z', '2024-01-01T00:00:20Z'],
      ['2024-01-01T00:00:20Z', '2024-01-01T00:00:30Z'],
      ['2024-01-01T00:00:30Z', null],
    ])
    expect(ranges.every((range) => !range.split)).toBe(true)
  })

  it('begins the second range strictly after the last value of the page', () => {
    const ranges = splitRange(whole, pageOf(['2024-01-01T00:00:38Z']), now, 50)
    expect(ranges.map(({ to }) => to)).toEqual(['2024-01-01T00:00:39Z', '2024-01-01T00:00:40Z', null])
  })

  it('keeps the bounds of a range that had some', () => {
    const bounded: KeysetSpec = { ...whole, from: '2023-01-01T00:00:00Z', to: '2024-01-01T00:00:20Z' }
    const ranges = splitRange(bounded, pageOf(['2024-01-01T00:00:00Z']), now, 2)
    expect(ranges.map(({ from, to }) => [from, to])).toEqual([
      ['2023-01-01T00:00:00Z', '2024-01-01T00:00:10Z'],
      ['2024-01-01T00:00:10Z', '2024-01-01T00:00:20Z'],
    ])
  })

  it('leaves one range where there is nothing to split', () => {
    const one = [{ ...whole, split: false }]
    expect(splitRange(whole, pageOf([]), now, 4)).toEqual(one)
    expect(splitRange(whole, pageOf([null, null]), now, 4)).toEqual(one)
    expect(splitRange(whole, pageOf(['abc']), now, 4)).toEqual(one)
    expect(splitRange(whole, pageOf(['2024-01-01T00:00:40Z']), now, 4)).toEqual(one)
    expect(splitRange(whole, pageOf(['2024-01-01T00:00:00Z'], 1), now, 4)).toEqual(one)
    expect(splitRange(whole, pageOf(['2024-01-01T00:00:00Z']), now, 1)).toEqual(one)
  })

  it('ignores rows without a value that follow', () => {
    expect(splitRange(whole, pageOf(['2024-01-01T00:00:00Z', null]), now, 2)).toHaveLength(2)
  })
})
