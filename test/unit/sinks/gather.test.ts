import { describe, expect, test } from 'vitest'
import type { DeadLetterRow } from '../../../ledger/dead-letters.ts'
import { createGatherer } from '../../../sinks/gather.ts'
import { createOutcomeBook } from '../../../sinks/landings.ts'
import { createPageBook } from '../../../sinks/pages.ts'
import { encodedRecord as encoded } from './encoded.ts'

const RUN = '019a0000-0000-7000-8000-000000000000'
const from = (index: number, page = 0) => ({ value: Buffer.alloc(10), origin: `${RUN}/0/${page}/1/${index}/100` })
const letter: DeadLetterRow = {
  topic: 'sync.dead-letters',
  partition: 0,
  offset: 7n,
  orgId: 'acme',
  source: 'pco',
  entity: 'person',
  externalId: null,
  stage: 'process',
  code: 'invalid-record',
  reason: 'x',
  bytes: 1,
  origin: undefined,
}
const wide = { maxRecords: 1_000, maxBytes: 1_000_000 }

describe('a batch', () => {
  test('is full by records, whether they won or lost', () => {
    const gatherer = createGatherer({ ...wide, maxRecords: 3 }, 1)
    gatherer.record('person', encoded('1'), from(0))
    gatherer.record('person', encoded('1'), from(1))
    expect(gatherer.isFull).toBe(false)
    gatherer.deadLetter(letter, undefined)
    expect(gatherer.isFull).toBe(true)
  })

  test('is full by bytes', () => {
    const gatherer = createGatherer({ ...wide, maxBytes: 1_000 }, 1)
    for (let i = 0; !gatherer.isFull; i++) gatherer.record('person', encoded(`${i}`), from(i))
    expect(gatherer.take().records.length).toBeLessThan(10)
  })

  test('has each id once: the newest, in whatever order they came', () => {
    for (const order of [
      [1, 2, 3],
      [3, 2, 1],
      [2, 3, 1],
    ]) {
      const gatherer = createGatherer(wide, 1)
      for (const at of order)
        gatherer.record('person', encoded('1', { observedAt: at, contentHash: at === 1 ? 'b' : 'a' }), from(at))
      const { records, losers } = gatherer.take()
      expect(records).toMatchObject([{ encoded: { observedAt: 3 }, index: 3 }])
      expect(losers.toSorted((a, b) => a.index - b.index)).toMatchObject([
        { index: 1, outcome: 'stale' },
        { index: 2, outcome: 'unchanged' },
      ])
    }
  })

  test('knows how far each partition was read', () => {
    const gatherer = createGatherer(wide, 4)
    expect(gatherer.isEmpty).toBe(true)
    gatherer.passed('a', 0, 5n)
    gatherer.passed('a', 1, 6n)
    gatherer.passed('a', 0, 9n)
    expect(gatherer.take()).toMatchObject({
      generation: 4,
      positions: [
        { topic: 'a', partition: 0, offset: 9n },
        { topic: 'a', partition: 1, offset: 6n },
      ],
    })
  })
})

describe('the pages of a batch', () => {
  test('are one object for the records of one entity of one attempt', () => {
    const pageOf = createPageBook()
    const first = pageOf('person', `${RUN}/2/3/4/5/100`)
    expect(first).toEqual({ page: { runId: RUN, rangeId: 2, page: 3, attempt: 4, entity: 'person', count: 100 }, index: 5 })
    expect(pageOf('person', `${RUN}/2/3/4/17/100`)).toEqual({ page: first.page, index: 17 })
    expect(pageOf('person', `${RUN}/2/3/4/17/100`).page).toBe(first.page)
    expect(pageOf('email', `${RUN}/2/3/4/17/100`).page).not.toBe(first.page)
    expect(pageOf('person', `${RUN}/2/3/5/17/100`).page).not.toBe(first.page)
  })

  test('are none for a header that is absent, mangled, or points outside', () => {
    const pageOf = createPageBook()
    pageOf('person', `${RUN}/2/3/4/5/100`)
    for (const header of [
      undefined,
      '',
      'x',
      '//',
      `${RUN}/2/3/4/100/100`,
      `${RUN}/2/3/4/x/100`,
      `${RUN}/2/3/4/`,
      `${RUN}/2/3/4/1.5/100`,
      `${RUN}/2/3/4/-1/100`,
    ])
      expect(pageOf('person', header)).toEqual({ page: undefined, index: 0 })
  })

  test('are none for numbers that no page has: they would not fit a column, or cost a bit each', () => {
    const pageOf = createPageBook()
    for (const header of [`${RUN}/9999999999/3/4/5/100`, `${RUN}/2/3/4/5/999999`, `${'-'.repeat(36)}/2/3/4/5/100`])
      expect(pageOf('person', header)).toEqual({ page: undefined, index: 0 })
  })

  test('are one page for a record and a dead letter of it, though their topics give them different names', () => {
    const pageOf = createPageBook()
    const header = (index: number) => `person-merger@0198c0de-0000-7000-8000-000000000001/0/0/1/${index}/2`
    const [landed, died] = [pageOf('person', header(0)), pageOf('person-merger', header(1))]
    expect(landed.page).toMatchObject({ entity: 'person-merger', count: 2 })
    expect(died.page).toBe(landed.page)
  })
})

describe('landings', () => {
  const page = { runId: RUN, rangeId: 0, page: 0, attempt: 1, entity: 'person', count: 4 }

  test('have one bit per record, in the first outcome that it got', () => {
    const book = createOutcomeBook()
    book.mark({ page, index: 0 }, 'merged')
    book.mark({ page, index: 0 }, 'unchanged')
    book.mark({ page, index: 3 }, 'dead')
    book.mark({ page: undefined, index: 0 }, 'stale')
    expect(book.landings()).toEqual([{ ...page, merged: '1000', unchanged: '0000', stale: '0000', parked: '0000', dead: '0001' }])
  })
})
