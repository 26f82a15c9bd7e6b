import { describe, expect, it } from 'vitest'
import { type Change, NO_PROGRESS, type Progress, reduce, type Sample, totalsOf } from '../../../cli/progress.ts'
import { changeLine, changeObject } from '../../../cli/progress-lines.ts'
import type { EntityReport } from '../../../ledger/report.ts'
import { fetched, report } from './reports.ts'

const sample = (atMs: number, ...entities: readonly EntityReport[]): Sample => ({ atMs, runState: 'running', entities })

/** Feeds the samples in turn; what each of them changed, and where it ended. */
const feed = (...samples: readonly Sample[]): { changes: readonly (readonly Change[])[]; progress: Progress } => {
  let progress = NO_PROGRESS
  const changes = samples.map((one) => {
    const reduced = reduce(progress, one)
    progress = reduced.progress
    return reduced.changes
  })
  return { changes, progress }
}

const kinds = (changes: readonly (readonly Change[])[]): string[] => changes.map((some) => some.map(({ kind }) => kind).join(' '))

const everyQuarter = (toMs: number, recordsPerSecond: number): readonly Sample[] =>
  Array.from({ length: toMs / 250 + 1 }, (_, i) => sample(i * 250, fetched('person', (i * 250 * recordsPerSecond) / 1000)))

describe('changes', () => {
  it('an entity that waits from the beginning is no change', () => {
    expect(feed(sample(0, report('person', { state: 'waiting' }))).changes).toEqual([[]])
  })

  it('each change of state is told once', () => {
    const { changes } = feed(
      sample(0, report('person', { state: 'waiting' })),
      sample(250, report('person')),
      sample(500, report('person')),
      sample(750, report('person', { state: 'landing' })),
      sample(1000, report('person', { state: 'closed' })),
      sample(1250, report('person', { state: 'closed' })),
    )
    expect(kinds(changes)).toEqual(['', 'state', '', 'state', 'state', ''])
  })

  it('a change between two looks is told as what it has come to', () => {
    const [, second] = feed(
      sample(0, report('campus', { state: 'waiting' })),
      sample(250, report('campus', { state: 'closed' })),
    ).changes
    expect(second?.map(changeLine)).toEqual(['campus: closed'])
  })

  it('flowing records make at most one line per entity every 5 s', () => {
    const { changes } = feed(...everyQuarter(20_000, 1000))
    const told = changes.flatMap((some, i) => (some.some(({ kind }) => kind === 'progress') ? [i * 250] : []))
    expect(told).toEqual([5_000, 10_000, 15_000, 20_000])
  })

  it('nothing is told of an entity whose records do not flow', () => {
    const { changes } = feed(
      ...[0, 10_000, 20_000, 30_000].map((at) => sample(at, fetched('person', 100, 0, { state: 'landing' }))),
    )
    expect(kinds(changes)).toEqual(['state', '', '', ''])
  })

  it('a wait for the limit is no line, a wait for something broken is one every 30 s', () => {
    const waiting = (waitingFor: string) => report('person', { waitingFor, waitingMs: 1, waitingReason: 'HTTP 503' })
    const samples = (waitingFor: string) => [0, 250, 500, 29_000, 30_250, 30_500].map((at) => sample(at, waiting(waitingFor)))
    expect(kinds(feed(...samples('limit')).changes)).toEqual(['state', '', '', '', '', ''])
    expect(kinds(feed(...samples('retry')).changes)).toEqual(['state', 'wait', '', '', 'wait', ''])
  })

  it('a run that is paused or resumed by others is told, its end is not', () => {
    const states = ['running', 'paused', 'running', 'complete'] as const
    const { changes } = feed(...states.map((runState, i) => ({ atMs: i, runState, entities: [] })))
    expect(kinds(changes)).toEqual(['', 'run', 'run', ''])
  })
})

describe('the rate', () => {
  const rateAfter = (...samples: readonly Sample[]): number | null | undefined => feed(...samples).progress.views[0]?.rate

  it('is not invented: there is none before a second has been seen', () => {
    expect(rateAfter(sample(0, fetched('person', 0)), sample(900, fetched('person', 900)))).toBeNull()
  })

  it('is that of the last five seconds', () => {
    const fast = everyQuarter(10_000, 1000)
    const slow = Array.from({ length: 24 }, (_, i) => sample(10_250 + i * 250, fetched('person', 10_000 + (i + 1) * 25)))
    expect(rateAfter(...fast)).toBeCloseTo(1000)
    expect(rateAfter(...fast, ...slow)).toBeCloseTo(100)
  })

  it('counts records that have landed, not those that were received', () => {
    expect(rateAfter(sample(0, fetched('person', 0)), sample(2_000, fetched('person', 5_000, 4_000)))).toBe(500)
  })

  it('ends with the entity', () => {
    const closed = fetched('person', 900, 0, { state: 'closed' })
    expect(rateAfter(sample(0, fetched('person', 0)), sample(2_000, closed))).toBeNull()
  })

  it('memory stays flat however long a run is watched', () => {
    const { progress } = feed(...everyQuarter(120_000, 10))
    expect(progress.marks.get('person')?.points.length).toBeLessThanOrEqual(22)
  })
})

describe('totals', () => {
  it('count a page once, though it carries children', () => {
    const { progress } = feed(
      sample(
        0,
        fetched('person', 100, 100, { pages: 4, openPages: 1 }),
        fetched('email', 120, 110, { pages: 4, openPages: 3, carrier: 'person' }),
        fetched('group', 10, 10, { pages: 1, openPages: 1 }),
      ),
    )
    expect(totalsOf(progress.views)).toMatchObject({ pages: 5, openPages: 4, landed: 10, missing: 220 })
  })
})

describe('lines', () => {
  it('a progress line has counts, what is on its way and the rate', () => {
    const last = feed(
      sample(0, fetched('person', 0)),
      sample(6_000, fetched('person', 7_300, 100, { pages: 73, dead: 1 })),
    ).changes.at(-1)
    expect(last?.map(changeLine)).toEqual(['person: 7,200 records, 73 pages, 100 records to land, 1 dead, 1,200 records/s'])
    expect(last?.map(changeObject)).toEqual([
      {
        type: 'progress',
        entity: 'person',
        state: 'fetching',
        pages: 73,
        fetched: 7300,
        landed: 7200,
        merged: 7200,
        recordsPerSecond: 1200,
      },
    ])
  })

  it('a failure says why', () => {
    const [changes] = feed(sample(0, report('person', { state: 'failed', reason: 'refused' }))).changes
    expect(changes?.map(changeLine)).toEqual(['person: failed (refused)'])
  })
})
