import { expect, test } from 'vitest'
import { compareClocks } from '../../../cli/check-clock.ts'

const DATE = 'Sat, 28 Nov 2026 03:00:00 GMT'
const at = Date.parse(DATE)
const MINUTE = 60_000

test('clocks that differ by no more than a delta makes up for are in order', () => {
  expect(compareClocks(DATE, at + 900, MINUTE)).toBe('the same as ours')
  expect(compareClocks(DATE, at - MINUTE, MINUTE)).toContain('from ours')
  expect(compareClocks(undefined, at, MINUTE)).toBe('not told')
})

test('further apart they are not, in either direction, and how far is a setting', () => {
  for (const ours of [at - 10 * MINUTE, at + 10 * MINUTE]) {
    expect(() => compareClocks(DATE, ours, 6 * MINUTE)).toThrow("PostgreSQL's")
    expect(compareClocks(DATE, ours, 11 * MINUTE)).toContain('from ours')
  }
})
