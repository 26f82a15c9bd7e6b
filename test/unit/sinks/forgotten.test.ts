import { expect, test } from 'vitest'
import { dropForgotten } from '../../../sinks/postgres/forgotten.ts'
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

test('where nobody was forgotten a batch is the same', () => {
  expect(dropForgotten(batch, new Map()).batch).toBe(batch)
})
