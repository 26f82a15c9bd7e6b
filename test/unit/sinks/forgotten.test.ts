import { expect, test } from 'vitest'
import { dropForgotten } from '../../../sinks/postgres/forgotten.ts'
import { HINT_OBSERVED_AT } from '../../../topics/hints.ts'
import { encodedRecord } from './encoded.ts'

const record = (orgId: string, observedAt: number) => ({
  entity: 'person',
  encoded: { ...encodedRecord('1'), orgId, observedAt },
  original: { value: null, origin: undefined },
  page: undefined,
  index: 0,
})
const batch = {
  records: [record('gone', 100), record('back', 100), record('back', 101), record('stays', 100)],
  losers: [],
  deadLetters: [],
  asks: [],
}

test('of an organisation that is forgotten nothing is left; of one that was added again what was observed since then', () => {
  const forgotten = new Map([
    ['gone', Number.POSITIVE_INFINITY],
    ['back', 100],
  ])
  const { batch: left, dropped } = dropForgotten(batch, forgotten)
  expect(left.records.map(({ encoded }) => [encoded.orgId, encoded.observedAt])).toEqual([
    ['back', 101],
    ['stays', 100],
  ])
  expect(dropped).toBe(2)
})

test('what a webhook told of an organisation that was added again is asked for, because it does not say when it was so', () => {
  const told = { ...batch, records: [record('gone', HINT_OBSERVED_AT), record('back', HINT_OBSERVED_AT)] }
  const forgotten = new Map([
    ['gone', Number.POSITIVE_INFINITY],
    ['back', 100],
  ])
  const { batch: left, dropped } = dropForgotten(told, forgotten)
  expect(left.records).toEqual([])
  expect(left.asks).toMatchObject([{ orgId: 'back', entity: 'person', externalId: encodedRecord('1').externalId }])
  expect(dropped).toBe(1)
})

test('where nobody was forgotten a batch is the same', () => {
  expect(dropForgotten(batch, new Map()).batch).toBe(batch)
})
