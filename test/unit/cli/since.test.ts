import { describe, expect, test } from 'vitest'
import { parseSince } from '../../../cli/since.ts'

const NOW = Date.parse('2026-03-10T12:00:00Z')

describe('a moment', () => {
  test.each([
    ['2026-03-01', '2026-03-01T00:00:00Z'],
    ['2026-03-01T12:30:00Z', '2026-03-01T12:30:00Z'],
    ['2026-03-01T12:30:00+02:00', '2026-03-01T10:30:00Z'],
    ['90s', '2026-03-10T11:58:30Z'],
    ['15m', '2026-03-10T11:45:00Z'],
    ['36h', '2026-03-09T00:00:00Z'],
    ['7d', '2026-03-03T12:00:00Z'],
    ['1w', '2026-03-03T12:00:00Z'],
  ])('%s is understood', (text, moment) => {
    expect(parseSince(text, NOW)).toBe(Date.parse(moment))
  })

  test.each(['', 'yesterday', '7', '7y', '-1d', '2026-13-01', '2027-01-01', '99999999d'])('%s is refused', (text) => {
    expect(() => parseSince(text, NOW)).toThrow(/not a moment/)
  })
})
