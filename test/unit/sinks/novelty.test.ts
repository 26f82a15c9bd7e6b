import { expect, test } from 'vitest'
import type { BatchRecord } from '../../../sinks/batch.ts'
import { createNovelty } from '../../../sinks/novelty.ts'
import { encodedRecord } from './encoded.ts'

const people = (from: number, count: number): readonly BatchRecord[] =>
  Array.from({ length: count }, (_, n) => ({
    entity: 'person',
    encoded: encodedRecord(`${from + n}`),
    original: { value: null, origin: undefined },
    page: undefined,
    index: 0,
  }))
const MANY = 1_000

test('after many new rows the next records are likely new, those of the same entity', () => {
  const novelty = createNovelty()
  const [first, second] = [people(0, MANY), people(MANY, MANY)]
  expect(novelty.share('person', first)).toEqual({ fresh: [], others: first })
  novelty.learn('person', first, new Set(first))
  expect(novelty.share('person', second)).toEqual({ fresh: second, others: [] })
  expect(novelty.share('address', second).fresh).toEqual([])
})

test('records that came a moment ago are not new, and do not spoil what is expected of others', () => {
  const novelty = createNovelty()
  const first = people(0, MANY)
  novelty.learn('person', first, new Set(first))
  const second = [...people(MANY - 5, 5), ...people(MANY, MANY)]
  expect(novelty.share('person', second)).toEqual({ fresh: second.slice(5), others: second.slice(0, 5) })
  novelty.learn('person', second, new Set(second.slice(5)))
  expect(novelty.share('person', people(2 * MANY, MANY)).fresh).toHaveLength(MANY)
})

test('one row that stood before ends it, until many are new again; a few new ones do not bring it back', () => {
  const novelty = createNovelty()
  const [first, second, few, third] = [people(0, MANY), people(MANY, MANY), people(2 * MANY, 10), people(3 * MANY, MANY)]
  novelty.learn('person', first, new Set(first))
  novelty.learn('person', second, new Set(second.slice(1)))
  expect(novelty.share('person', third).fresh).toEqual([])
  novelty.learn('person', few, new Set(few))
  expect(novelty.share('person', third).fresh).toEqual([])
  novelty.learn('person', third, new Set(third))
  expect(novelty.share('person', people(5 * MANY, MANY)).fresh).toHaveLength(MANY)
})

test('a few are not worth a way of their own', () => {
  const novelty = createNovelty()
  const first = people(0, MANY)
  novelty.learn('person', first, new Set(first))
  expect(novelty.share('person', people(MANY, 100)).fresh).toEqual([])
})

test('what is remembered is bounded', () => {
  const novelty = createNovelty()
  const [first, ...more] = Array.from({ length: 60 }, (_, n) => people(n * MANY, MANY))
  for (const batch of [first ?? [], ...more]) novelty.learn('person', batch, new Set(batch))
  // So long ago that it is forgotten: it would be tried as new, and PostgreSQL would say that it is not.
  expect(novelty.share('person', first ?? []).fresh).toHaveLength(MANY)
  expect(novelty.share('person', more.at(-1) ?? []).fresh).toEqual([])
})
