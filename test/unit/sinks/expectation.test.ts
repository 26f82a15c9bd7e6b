import { expect, test } from 'vitest'
import type { BatchRecord, PageRef } from '../../../sinks/batch.ts'
import { createExpectation } from '../../../sinks/expectation.ts'
import type { OutcomeLetter } from '../../../sinks/postgres/statements.ts'
import { encodedRecord } from './encoded.ts'

const page: PageRef = { runId: 'run', rangeId: 0, page: 0, attempt: 1, entity: 'person', count: 1 }

const people = (from: number, count: number): readonly BatchRecord[] =>
  Array.from({ length: count }, (_, n) => ({
    entity: 'person',
    encoded: encodedRecord(`${from + n}`),
    original: { value: null, origin: undefined },
    page,
    index: 0,
  }))
const MANY = 1_000
const became = (letter: OutcomeLetter, records: readonly BatchRecord[], others: OutcomeLetter = 'u', all = records) =>
  new Map(all.map((record) => [record, records.includes(record) ? letter : others]))

test('after many new rows the next records are likely new, those of the same entity', () => {
  const expectation = createExpectation()
  const [first, second] = [people(0, MANY), people(MANY, MANY)]
  expect(expectation.share('person', first)).toEqual({ fresh: [], familiar: [], others: first })
  expectation.learn('person', first, became('n', first))
  expect(expectation.share('person', second)).toEqual({ fresh: second, familiar: [], others: [] })
  expect(expectation.share('address', second).fresh).toEqual([])
})

test('records that came a moment ago are not new, and do not spoil what is expected of others', () => {
  const expectation = createExpectation()
  const first = people(0, MANY)
  expectation.learn('person', first, became('n', first))
  const second = [...people(MANY - 5, 5), ...people(MANY, MANY)]
  expect(expectation.share('person', second)).toEqual({ fresh: second.slice(5), familiar: [], others: second.slice(0, 5) })
  expectation.learn('person', second, became('n', second.slice(5), 'u', second))
  expect(expectation.share('person', people(2 * MANY, MANY)).fresh).toHaveLength(MANY)
})

test('one row that stood before ends it, until many are new again; a few new ones do not bring it back', () => {
  const expectation = createExpectation()
  const [first, second, few, third] = [people(0, MANY), people(MANY, MANY), people(2 * MANY, 10), people(3 * MANY, MANY)]
  expectation.learn('person', first, became('n', first))
  expectation.learn('person', second, became('n', second.slice(1), 'm', second))
  expect(expectation.share('person', third).fresh).toEqual([])
  expectation.learn('person', few, became('n', few))
  expect(expectation.share('person', third).fresh).toEqual([])
  expectation.learn('person', third, became('n', third))
  expect(expectation.share('person', people(5 * MANY, MANY)).fresh).toHaveLength(MANY)
})

test('a few are not worth a way of their own', () => {
  const expectation = createExpectation()
  const first = people(0, MANY)
  expectation.learn('person', first, became('n', first))
  expect(expectation.share('person', people(MANY, 100)).fresh).toEqual([])
})

test('what is remembered is bounded', () => {
  const expectation = createExpectation()
  const [first, ...more] = Array.from({ length: 60 }, (_, n) => people(n * MANY, MANY))
  for (const batch of [first ?? [], ...more]) expectation.learn('person', batch, became('n', batch))
  // So long ago that it is forgotten: it would be tried as new, and PostgreSQL would say that it is not.
  expect(expectation.share('person', first ?? []).fresh).toHaveLength(MANY)
  expect(expectation.share('person', more.at(-1) ?? []).fresh).toEqual([])
})

const changedAt = (records: readonly BatchRecord[], sourceUpdatedAt: number | null): readonly BatchRecord[] =>
  records.map((record) => ({ ...record, encoded: { ...record.encoded, sourceUpdatedAt } }))

test('after a batch that mostly stood as it was the next records likely do too, but those that a hash does not settle', () => {
  const expectation = createExpectation()
  const first = changedAt(people(0, MANY), 1)
  expectation.learn('person', first, became('u', first.slice(300), 'm', first))
  const [second, undated] = [changedAt(people(MANY, MANY), 1), changedAt(people(2 * MANY, 5), null)]
  const [gone] = people(3 * MANY, 1).map((record) => ({
    ...record,
    encoded: { ...record.encoded, sourceUpdatedAt: 1, deleted: true },
  }))
  const others = [...undated, ...(gone === undefined ? [] : [gone])]
  expect(expectation.share('person', [...second, ...others])).toEqual({ fresh: [], familiar: second, others })
  expect(expectation.share('address', second).familiar).toEqual([])
  expect(expectation.share('person', second.slice(0, 100)).familiar).toEqual([])
})

test('it ends with a batch that mostly changed, or with one of new rows; a few records say nothing of the next', () => {
  const expectation = createExpectation()
  const batches = Array.from({ length: 5 }, (_, n) => changedAt(people(n * MANY, MANY), 1))
  const [first = [], second = [], third = [], fourth = [], next = []] = batches
  const learned = (records: readonly BatchRecord[], letter: OutcomeLetter) => {
    expectation.learn('person', records, became(letter, records))
    const { fresh, familiar } = expectation.share('person', next)
    return fresh.length > 0 ? 'new' : familiar.length > 0 ? 'unchanged' : undefined
  }
  expect(learned(first, 'u')).toBe('unchanged')
  expect(learned(second.slice(0, 50), 'm')).toBe('unchanged')
  expect(learned(second, 'm')).toBeUndefined()
  expect(learned(third, 'u')).toBe('unchanged')
  expect(learned(fourth, 'n')).toBe('new')
})

test('a record of no page is judged, and says nothing of the others', () => {
  const expectation = createExpectation()
  const first = people(0, MANY)
  expectation.learn('person', first, became('n', first))
  const [fresh, told] = [people(MANY, MANY), people(2 * MANY, 1).map((record) => ({ ...record, page: undefined }))]
  expect(expectation.share('person', [...told, ...fresh])).toEqual({ fresh, familiar: [], others: told })
  expectation.learn('person', [...told, ...fresh], became('n', fresh, 'u', [...told, ...fresh]), 'put')
  expect(expectation.share('person', people(3 * MANY, MANY)).fresh).toHaveLength(MANY)
})

test('after each that was tried in vain twice as many are to be new before the next is tried; after one that was put, one', () => {
  const expectation = createExpectation()
  let at = 0
  const isTried = (): boolean => expectation.share('person', people(at, MANY)).fresh.length > 0
  const learn = (letter: OutcomeLetter, put?: 'put' | 'undone') => {
    const batch = people(at, MANY)
    at += MANY
    expectation.learn('person', batch, became('n', batch.slice(1), letter, batch), put)
  }
  const newUntilTried = (): number => {
    for (let count = 0; ; count++) {
      if (isTried()) return count
      learn('n')
    }
  }
  expect(newUntilTried()).toBe(1)
  for (const expected of [2, 4, 8, 16, 32, 64, 64]) {
    learn('p', 'undone')
    expect(newUntilTried()).toBe(expected)
  }
  learn('n', 'put')
  expect(newUntilTried()).toBe(0)
  learn('p')
  expect(newUntilTried()).toBe(1)
})

test('a role that may not is not tried again', () => {
  const expectation = createExpectation()
  for (let n = 0; n < 100; n++) {
    const batch = people(n * MANY, MANY)
    const { fresh } = expectation.share('person', batch)
    expect(fresh.length > 0).toBe(n === 1)
    expectation.learn('person', batch, became('n', batch), fresh.length > 0 ? 'never' : undefined)
  }
})
