import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { painterFor } from '../../../cli/color.ts'
import { type Frame, liveTable } from '../../../cli/live-table.ts'
import { NO_PROGRESS, type Progress, reduce } from '../../../cli/progress.ts'
import type { EntityReport } from '../../../ledger/report.ts'
import { fetched, report } from './reports.ts'

const progressOf = (...entities: readonly EntityReport[]): Progress =>
  reduce(NO_PROGRESS, { atMs: 0, runState: 'running', entities }).progress

const draw = (progress: Progress, frame: Partial<Frame> = {}): readonly string[] =>
  liveTable(progress, { title: 'acme/pco · full · run 1', elapsedMs: 61_000, width: 119, height: 40, ...frame })

const SOME = progressOf(
  fetched('campus', 4, 0, { state: 'closed', pages: 2 }),
  fetched('household-membership', 4_916, 1_060, { pages: 20, openPages: 4, tier: 2 }),
  report('person', { waitingFor: 'limit', waitingMs: 12_400, tier: 1 }),
  report('email', { waitingFor: 'retry', waitingMs: 3_000, waitingReason: 'The vendor answered 503, a long story '.repeat(4) }),
)

const cutToColumns = (lines: readonly string[]): string[] => (lines[1] ?? '').split(/\s+/)

describe('the live table', () => {
  it('has a title, a row per entity and the totals', () => {
    const lines = draw(SOME)
    expect(lines).toHaveLength(7)
    expect(cutToColumns(lines)).toEqual(['ENTITY', 'TIER', 'STATE', 'PAGES', 'RECORDS', 'RATE', 'LAG', 'DEAD', 'WAIT'])
    expect(lines[3]).toMatch(/^household-membership +2 +fetching +20 +3,856 +- +1,060 +-$/)
    expect(lines[4]).toMatch(/^person .* limit 12s$/)
    expect(lines.at(-1)).toBe('running 1m 01s · 3,860 records · lag 1,060 records on 4 pages · 22 pages')
  })

  it.each([200, 119, 80, 60, 40, 20])('is never wider than %i columns', (width) => {
    for (const line of draw(SOME, { width })) expect(line.length).toBeLessThanOrEqual(width)
  })

  it('gives up the least wanted columns first, and cuts the wait short before that', () => {
    expect(cutToColumns(draw(SOME, { width: 90 }))).toEqual(cutToColumns(draw(SOME)))
    expect(cutToColumns(draw(SOME, { width: 59 }))).toEqual(['ENTITY', 'STATE', 'RECORDS', 'LAG', 'WAIT'])
    expect(cutToColumns(draw(SOME, { width: 40 }))).toEqual(['ENTITY', 'STATE', 'RECORDS'])
  })

  it('dead letters stay in a narrow table', () => {
    const dead = progressOf(fetched('household-membership', 10, 0, { dead: 1 }))
    expect(cutToColumns(draw(dead, { width: 50 }))).toContain('DEAD')
  })

  it.each([40, 8, 6, 4, 2])('is never higher than %i lines', (height) => {
    expect(draw(SOME, { height }).length).toBeLessThanOrEqual(height)
  })

  it('shows those at work when there is no room for all', () => {
    const lines = draw(SOME, { height: 6 }).join('\n')
    expect(lines).not.toContain('campus')
    expect(lines).toContain('… and 2 others')
  })

  it('shows no percentage', () => {
    expect(draw(SOME).join('\n')).not.toContain('%')
  })
})

describe('colour', () => {
  const terminal = { isTTY: true }

  it('takes no room', () => {
    const painted = draw(SOME, { width: 60, paint: painterFor(terminal, {}) })
    expect(painted.join('')).toContain('\u001b[')
    expect(painted.map(stripVTControlCharacters)).toEqual(draw(SOME, { width: 60 }))
  })

  it.each([
    ['NO_COLOR', terminal, { NO_COLOR: '1' }],
    ['a dumb terminal', terminal, { TERM: 'dumb' }],
    ['no terminal', {}, {}],
  ])('is off with %s', (_, stream, environment) => {
    expect(painterFor(stream, environment)('x', 'red')).toBe('x')
  })
})
