import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { coversTheWeek, endOfBlackout, isBlackout } from '../../../orchestrator/blackout.ts'

const SUNDAY = { days: [0], from: '08:00', to: '12:00' }
const NIGHTS = { days: [5, 6], from: '22:00', to: '06:00' }

describe('a window', () => {
  test('holds its beginning and not its end, by the clock of its zone', () => {
    const inside = (text: string) => isBlackout([SUNDAY], new Date(text), 'Europe/Berlin')
    expect(inside('2026-03-01T07:00:00Z')).toBe(true)
    expect(inside('2026-03-01T06:59:59Z')).toBe(false)
    expect(inside('2026-03-01T10:59:59Z')).toBe(true)
    expect(inside('2026-03-01T11:00:00Z')).toBe(false)
    expect(inside('2026-03-02T08:00:00Z')).toBe(false)
  })

  test('over midnight belongs to the day on which it begins', () => {
    const inside = (text: string) => isBlackout([NIGHTS], new Date(text), 'UTC')
    expect(inside('2026-03-06T21:59:00Z')).toBe(false)
    expect(inside('2026-03-06T22:00:00Z')).toBe(true)
    expect(inside('2026-03-07T05:59:00Z')).toBe(true)
    expect(inside('2026-03-07T06:00:00Z')).toBe(false)
    expect(inside('2026-03-08T05:00:00Z')).toBe(true)
    expect(inside('2026-03-09T05:00:00Z')).toBe(false)
  })

  test('ends at the first minute that no window holds', () => {
    const at = new Date('2026-03-01T07:30:20Z')
    expect(endOfBlackout([SUNDAY], at, 'Europe/Berlin')).toEqual(new Date('2026-03-01T11:00:00Z'))
    const joined = [SUNDAY, { days: [0], from: '12:00', to: '13:15' }]
    expect(endOfBlackout(joined, at, 'Europe/Berlin')).toEqual(new Date('2026-03-01T12:15:00Z'))
  })

  test('of every hour of the week is found out, and has no end', () => {
    const always = [{ days: [0, 1, 2, 3, 4, 5, 6], from: '00:00', to: '00:00' }]
    expect(coversTheWeek(always)).toBe(true)
    expect(endOfBlackout(always, new Date(0), 'UTC')).toBeUndefined()
    expect(coversTheWeek([SUNDAY, NIGHTS])).toBe(false)
  })

  test('is never still there at its end', () => {
    const window = fc.record({
      days: fc.uniqueArray(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 6 }),
      from: fc.constantFrom('00:00', '02:30', '13:15', '22:00'),
      to: fc.constantFrom('00:00', '03:00', '13:15', '23:59'),
    })
    const zones = fc.constantFrom('UTC', 'America/New_York', 'Asia/Kathmandu', 'Australia/Lord_Howe')
    fc.assert(
      fc.property(window, zones, fc.integer({ min: 0, max: 370 * 86_400 }), (blackout, zone, seconds) => {
        const at = new Date(Date.UTC(2026, 0, 1) + seconds * 1000)
        const end = endOfBlackout([blackout], at, zone)
        if (end === undefined) return expect(coversTheWeek([blackout])).toBe(true)
        expect(isBlackout([blackout], end, zone)).toBe(false)
        if (isBlackout([blackout], at, zone)) expect(isBlackout([blackout], new Date(end.getTime() - 1), zone)).toBe(true)
      }),
      { numRuns: 100 },
    )
  })
})
