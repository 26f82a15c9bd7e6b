import { describe, expect, test } from 'vitest'
import { defaultSchedules } from '../../../cli/default-schedules.ts'
import { checkRule, parseBlackout, parseSeconds, timingText } from '../../../cli/schedule-rule.ts'
import type { ScheduleRule } from '../../../ledger/schedules.ts'

const rule: ScheduleRule = {
  orgId: 'acme',
  name: 'full',
  source: 'pco',
  strategy: 'full',
  selection: null,
  cron: null,
  everySeconds: 600,
  timeZone: 'UTC',
  jitterSeconds: 0,
  missed: 'skip',
  blackouts: [],
}
const check = (more: Partial<ScheduleRule>) => checkRule({ ...rule, ...more }, 'pco')

describe('a rule', () => {
  test('that can fire is taken as it is', () => {
    expect(check({ selection: ['person'] })).toEqual({ ...rule, selection: ['person'] })
  })

  test.each([
    [{ everySeconds: null }, 'either an interval or a cron expression'],
    [{ cron: '0 3 * * *' }, 'either an interval or a cron expression'],
    [{ jitterSeconds: 600 }, 'shorter than the interval'],
    [{ timeZone: 'Mars/Olympus' }, "no time zone 'Mars/Olympus'"],
    [{ blackouts: [parseBlackout('00:00-12:00'), parseBlackout('12:00-00:00')] }, 'leave no time'],
    [{ selection: ['persn'] }, 'persn'],
  ])('%o is refused', (more, message) => {
    expect(() => check(more)).toThrow(message)
  })

  test('is told in words', () => {
    const windows = [parseBlackout('sun 08:00-12:00')]
    expect(timingText({ ...rule, jitterSeconds: 90, blackouts: windows })).toBe('every 10m, jitter 90s, 1 blackout')
    expect(timingText({ ...rule, cron: '0 3 * * *', everySeconds: null, timeZone: 'Europe/Berlin' })).toBe(
      '0 3 * * *, Europe/Berlin',
    )
  })
})

describe('a window of the week', () => {
  test.each([
    ['sun 08:00-12:00', [0]],
    ['mon-fri 22:00-06:00', [1, 2, 3, 4, 5]],
    ['fri-mon 22:00-06:00', [0, 1, 5, 6]],
    ['sat,Sun 00:00-00:00', [0, 6]],
    ['02:00-03:00', [0, 1, 2, 3, 4, 5, 6]],
  ])('%s is of these days', (text, days) => {
    expect(parseBlackout(text).days).toEqual(days)
  })

  test.each(['sun', 'someday 08:00-12:00', 'sun 8-12', 'sun 08:00-24:30', 'sun- 08:00-12:00', ''])('%j is none', (text) => {
    expect(() => parseBlackout(text)).toThrow('not a window of the week')
  })
})

test('a span of time is a number with its unit', () => {
  expect(['90s', '10m', '6h', '1d'].map(parseSeconds)).toEqual([90, 600, 21_600, 86_400])
  for (const text of ['', '10', '1w', '-1m', '1.5h', '367d']) expect(() => parseSeconds(text), text).toThrow('not a span of time')
})

describe('the schedules of a new source', () => {
  const names = (source: string, ...taken: readonly string[]) =>
    defaultSchedules({ orgId: 'acme', source }, 'pco', new Set(taken)).map(({ name }) => name)

  test('are delta and reconcile', () => {
    expect(names('pco')).toEqual(['delta', 'reconcile'])
  })

  test('take no name that another has', () => {
    expect(names('north')).toEqual(['north-delta', 'north-reconcile'])
    expect(names('pco', 'delta')).toEqual(['pco-delta', 'reconcile'])
    expect(names('pco', 'delta', 'pco-delta', 'pco-delta-2')).toEqual(['pco-delta-3', 'reconcile'])
    expect(names('n'.repeat(63))).toEqual([`${'n'.repeat(57)}-delta`, `${'n'.repeat(53)}-reconcile`])
  })
})
