import { describe, expect, test } from 'vitest'
import type { DueSchedule } from '../../../ledger/schedules.ts'
import { decideDue, LATE_MS, nextDue } from '../../../orchestrator/due.ts'

const at = (text: string): Date => new Date(text)
const none = () => 0
const timing = { cron: null, everySeconds: 600, timeZone: 'UTC', jitterSeconds: 0 }

describe('the next due time', () => {
  test('of an interval is a whole number of intervals after the last one, however much later it is asked for', () => {
    const dueAt = at('2026-03-01T10:00:00Z')
    for (const [now, next] of [
      ['2026-03-01T09:50:00Z', '2026-03-01T10:10:00Z'],
      ['2026-03-01T10:00:00Z', '2026-03-01T10:10:00Z'],
      ['2026-03-01T10:00:01Z', '2026-03-01T10:10:00Z'],
      ['2026-03-01T13:59:59Z', '2026-03-01T14:00:00Z'],
      ['2026-03-01T14:00:00Z', '2026-03-01T14:10:00Z'],
    ])
      expect(nextDue(timing, at(now ?? ''), none, dueAt).dueAt).toEqual(at(next ?? ''))
  })

  test('of a cron expression is told by the clock of its zone, over a change of that clock too', () => {
    const nightly = { ...timing, everySeconds: null, cron: '0 3 * * *', timeZone: 'Europe/Berlin' }
    expect(nextDue(nightly, at('2026-03-28T00:00:00Z'), none).dueAt).toEqual(at('2026-03-28T02:00:00Z'))
    expect(nextDue(nightly, at('2026-03-29T12:00:00Z'), none).dueAt).toEqual(at('2026-03-30T01:00:00Z'))
  })

  test('of a cron expression is never the one that was due, though it is asked for early', () => {
    const hourly = { ...timing, everySeconds: null, cron: '0 * * * *' }
    const dueAt = at('2026-03-01T10:00:00Z')
    expect(nextDue(hourly, at('2026-03-01T09:59:59.5Z'), none, dueAt).dueAt).toEqual(at('2026-03-01T11:00:00Z'))
  })

  test('fires up to the jitter later, and jitter does not add up', () => {
    const jittered = { ...timing, jitterSeconds: 60 }
    const dueAt = at('2026-03-01T10:00:00Z')
    const next = nextDue(jittered, at('2026-03-01T10:00:30Z'), () => 0.5, dueAt)
    expect(next).toEqual({ dueAt: at('2026-03-01T10:10:00Z'), firesAt: at('2026-03-01T10:10:30Z') })
  })

  test('of what is no cron expression, or of one that never comes, is an error that says so', () => {
    expect(() => nextDue({ ...timing, cron: '61 * * * *' }, new Date(0), none)).toThrow('is not a cron expression')
    expect(() => nextDue({ ...timing, cron: '0 0 30 2 *' }, new Date(0), none)).toThrow('no time that will come')
  })
})

const due = (more: Partial<DueSchedule>): DueSchedule => ({
  orgId: 'acme',
  name: 'full',
  source: 'pco',
  adapter: 'pco',
  strategy: 'full',
  selection: null,
  ...timing,
  missed: 'skip',
  blackouts: [],
  pausedAt: null,
  sourcePausedAt: null,
  turn: 3,
  waitingFor: null,
  lastFiredAt: null,
  lastRunId: null,
  lastSkippedAt: null,
  lastSkipReason: null,
  dueAt: at('2026-03-01T10:00:00Z'),
  firesAt: at('2026-03-01T10:00:00Z'),
  now: at('2026-03-01T10:00:01Z'),
  busyRunId: null,
  ...more,
})

const late = new Date(at('2026-03-01T10:00:00Z').getTime() + LATE_MS + 1)
const next = { dueAt: at('2026-03-01T10:10:00Z'), firesAt: at('2026-03-01T10:10:00Z') }

describe('what is due', () => {
  test('fires', () => {
    expect(decideDue(due({}), none)).toEqual({ kind: 'fire', strategy: 'full', next })
  })

  test('and comes late is left out by policy skip, and run once by policy once', () => {
    expect(decideDue(due({ now: late }), none)).toEqual({ kind: 'skip', reason: 'it comes 120 s late', next })
    expect(decideDue(due({ now: late, missed: 'once' }), none).kind).toBe('fire')
    const hours = { now: at('2026-03-01T15:03:00Z'), missed: 'once' as const }
    expect(decideDue(due(hours), none)).toMatchObject({ kind: 'fire', next: { dueAt: at('2026-03-01T15:10:00Z') } })
  })

  test('while a run of its kind goes on is left out and says so, or waits for the end of that run', () => {
    const busyRunId = '019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071'
    expect(decideDue(due({ busyRunId }), none)).toMatchObject({ kind: 'skip', reason: `the run ${busyRunId} has not ended` })
    expect(decideDue(due({ busyRunId, missed: 'once' }), none)).toMatchObject({ kind: 'hold' })
  })

  test('in a blackout window is left out, or put off to the end of the window', () => {
    const blackouts = [{ days: [0], from: '08:00', to: '12:30' }]
    const zone = { timeZone: 'Europe/Berlin', blackouts }
    expect(decideDue(due(zone), none)).toMatchObject({ kind: 'skip', reason: 'it is in a blackout window' })
    expect(decideDue(due({ ...zone, missed: 'once' }), none)).toEqual({
      kind: 'hold',
      reason: 'it is in a blackout window',
      until: at('2026-03-01T11:30:00Z'),
    })
    expect(decideDue(due({ ...zone, now: at('2026-03-01T11:30:00Z'), missed: 'once' }), none).kind).toBe('fire')
  })

  test('by a strategy that this version does not have is left out', () => {
    // A row that a later version has written.
    const strategy = 'unheard-of' as DueSchedule['strategy']
    expect(decideDue(due({ strategy }), none)).toMatchObject({ kind: 'skip' })
  })
})
