// An honest API is never said to ignore, and one that ignores is never said to honour: on any list, of any kind of value.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type FilterQuestion, filterQuestion, judgeFilter } from '../../../cli/discover-filters.ts'
import { judgeOrder } from '../../../cli/discover-orders.ts'
import type { Verdict } from '../../../cli/discover-values.ts'
import type { SourceRecord } from '../../../manifests/manifest.ts'

const PAGE = 20

const recordOf = (value: unknown, index: number): SourceRecord => ({
  entity: 'a',
  externalId: String(index + 1),
  attributes: value === undefined ? {} : { f: value },
  related: {},
  raw: {},
})
const listOf = (values: readonly unknown[]): readonly SourceRecord[] => values.map(recordOf)
const pageOf = (records: readonly SourceRecord[]) => ({ records: records.slice(0, PAGE), total: records.length })
const fieldOf = ({ attributes }: SourceRecord): unknown => attributes?.['f'] ?? null

type Key = number | string
/** Times are compared as times, as a database does. */
const keyOf = (value: unknown): Key | null => {
  if (value === null) return null
  if (typeof value === 'number' || typeof value === 'boolean') return Number(value)
  const text = String(value)
  return /^\d{4}-\d\d-\d\dT/.test(text) ? Date.parse(text) : text
}
const compare = (a: Key | null, b: Key | null): number => {
  if (a === b) return 0
  if (a === null || b === null) return a === null ? -1 : 1
  return a < b ? -1 : 1
}

/** Ties stay in the order of ids, whichever way. */
const sorted = (records: readonly SourceRecord[], sign: 1 | -1) =>
  records.toSorted((a, b) => sign * compare(keyOf(fieldOf(a)), keyOf(fieldOf(b))))

const matching = (records: readonly SourceRecord[], { where }: FilterQuestion) =>
  records.filter((record) =>
    Object.entries(where).every(([name, wanted]) => {
      const value = fieldOf(record)
      if (value === null) return false
      if (name === 'f') return String(value).toLowerCase() === wanted.toLowerCase()
      const order = compare(keyOf(value), keyOf(wanted))
      return name === 'f[gte]' ? order >= 0 : order < 0
    }),
  )

const orderOf = (rising: readonly SourceRecord[], falling: readonly SourceRecord[]): Verdict =>
  judgeOrder('f', { rising: rising.slice(0, PAGE), falling: falling.slice(0, PAGE) })

const filterOf = (all: readonly SourceRecord[], answer: (question: FilterQuestion) => readonly SourceRecord[]): Verdict => {
  const question = filterQuestion('f', [...all.slice(0, PAGE), ...all.slice(-PAGE)])
  return 'is' in question ? question : judgeFilter('f', question, pageOf(answer(question)), pageOf(all))
}

const noted = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<(T | null)[]> =>
  fc.array(fc.option(of, { freq: 5 }), { minLength: 0, maxLength: 60 })
const seconds = fc
  .date({ min: new Date('2001-01-01'), max: new Date('2026-01-01'), noInvalidDate: true })
  .map((date) => `${date.toISOString().slice(0, 19)}Z`)
const lists: fc.Arbitrary<readonly unknown[]> = fc.oneof(
  noted(fc.boolean()),
  noted(fc.integer({ min: -5, max: 5 })),
  noted(seconds),
  noted(seconds.map((time) => time.slice(0, 10))),
  noted(fc.constantFrom('active', 'inactive', 'Émile', 'Zoë', 'ab', 'Ab', 'a-b', '', '9', '10', 'x,y', 'a b')),
  noted(fc.string()),
  noted(fc.oneof(fc.integer({ min: 0, max: 30 }), fc.constantFrom('7', 'x-1', 'x-2'))),
)

describe('of any list', () => {
  test('an order and a filter that are honoured are never found to be drift', () => {
    fc.assert(
      fc.property(lists, (values) => {
        const all = listOf(values)
        expect(['honoured', 'untold']).toContain(orderOf(sorted(all, 1), sorted(all, -1)).is)
        expect(['honoured', 'untold']).toContain(filterOf(all, (question) => matching(all, question)).is)
      }),
      { numRuns: 1_000 },
    )
  })

  test('an order and a filter that are ignored are never said to be honoured', () => {
    fc.assert(
      fc.property(lists, (values) => {
        const all = listOf(values)
        expect(['ignored', 'untold']).toContain(orderOf(all, all).is)
        expect(['ignored', 'untold']).toContain(filterOf(all, () => all).is)
      }),
      { numRuns: 1_000 },
    )
  })
})

describe('an order', () => {
  const all = listOf([3, 1, null, 2])

  test('is honoured when both directions obey, with records without a value at either end', () => {
    expect(orderOf(sorted(all, 1), sorted(all, -1))).toEqual({ is: 'honoured', by: 'values' })
    const last = [...sorted(all, 1).slice(1), ...sorted(all, 1).slice(0, 1)]
    expect(orderOf(last, sorted(all, -1))).toEqual({ is: 'honoured', by: 'values' })
  })

  test('is ignored when the direction changes nothing, even where the list happens to be in it', () => {
    expect(orderOf(all, all)).toEqual({ is: 'ignored' })
    expect(orderOf(sorted(all, 1), sorted(all, 1))).toEqual({ is: 'ignored' })
  })

  test('is disobeyed when the answer changes and is in another order', () => {
    expect(orderOf(all, all.toReversed())).toMatchObject({ is: 'disobeyed' })
    expect(orderOf(sorted(all, 1), all)).toMatchObject({ is: 'disobeyed' })
    for (const gap of [
      [null, 1, 2, null],
      [1, null, 2],
    ].map(listOf)) {
      expect(orderOf(gap, gap.toReversed())).toMatchObject({ is: 'disobeyed' })
    }
  })

  test('cannot be told from equal values, from one record, nor from text in an order of its own', () => {
    const equal = listOf([1, 1, 1])
    expect(orderOf(equal, equal.toReversed())).toMatchObject({ is: 'untold', why: expect.stringContaining('same value') })
    expect(orderOf(listOf([1]), listOf([1]))).toMatchObject({ is: 'untold', why: expect.stringContaining('fewer') })
    const names = listOf(['b', 'c', 'a'])
    expect(orderOf(names, names.toReversed())).toMatchObject({ is: 'untold', why: expect.stringContaining('text') })
  })

  test('of what records do not show is told by its effect alone', () => {
    const hidden = listOf([undefined, undefined])
    expect(orderOf(hidden, hidden.toReversed())).toEqual({ is: 'honoured', by: 'effect' })
    expect(orderOf(hidden, hidden)).toMatchObject({ is: 'untold' })
  })
})

describe('a filter', () => {
  const questionOf = (values: readonly unknown[]) => filterQuestion('f', listOf(values))

  test('is asked for the rarest value; a time for the range between the second and the last', () => {
    expect(questionOf(['a', 'b', 'b'])).toMatchObject({ where: { f: 'a' } })
    expect(questionOf([true, true])).toMatchObject({ where: { f: 'false' } })
    const [a, b, c] = ['2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z', '2022-01-01T00:00:00Z']
    expect(questionOf([c, a, b])).toMatchObject({ where: { 'f[gte]': b, 'f[lt]': c } })
    expect(questionOf([b, a])).toMatchObject({ where: { 'f[gte]': b } })
  })

  test('half of a range that is passed over is disobeyed', () => {
    const times = listOf(['2020-01-01T00:00:00Z', '2021-01-01T00:00:00Z', '2022-01-01T00:00:00Z'])
    expect(filterOf(times, () => times.slice(1))).toMatchObject({ is: 'disobeyed', why: expect.stringContaining('leave out') })
    expect(filterOf(times, () => times.slice(1, 2))).toEqual({ is: 'honoured', by: 'values' })
    expect(filterOf(times, () => times)).toEqual({ is: 'ignored' })
  })

  test('that finds nothing where something is, is disobeyed', () => {
    expect(filterOf(listOf(['a', 'b']), () => [])).toMatchObject({ is: 'disobeyed', why: expect.stringContaining('nothing') })
  })

  test('is honoured though it compares without case, blanks and punctuation', () => {
    const numbers = listOf(['+1 555 01', '555-02'])
    expect(filterOf(numbers, () => listOf(['+1(555)01']))).toEqual({ is: 'honoured', by: 'values' })
  })

  test('by what records do not show is honoured when nonsense finds nothing, and else nobody knows', () => {
    const hidden = listOf([undefined, undefined])
    expect(filterOf(hidden, () => [])).toEqual({ is: 'honoured', by: 'effect' })
    expect(filterOf(hidden, () => hidden)).toMatchObject({ is: 'untold' })
  })

  test('cannot be asked for without records, values, or values that compare', () => {
    for (const values of [[], [null, null], [{ a: 1 }]]) expect(questionOf(values)).toMatchObject({ is: 'untold' })
  })
})
