import { expect, test } from 'vitest'
import { compareClocks } from '../../../cli/check-clock.ts'

const DATE = 'Sat, 28 Nov 2026 03:00:00 GMT'
const at = Date.parse(DATE)
const MINUTE = 60_000

test('a clock is behind by no more than a delta makes up for, how far is a setting', () => {
  expect(compareClocks(DATE, at + 900, MINUTE)).toBe('the same as ours')
  expect(compareClocks(DATE, at + MINUTE, MINUTE)).toBe('1m 00s behind ours')
  expect(() => compareClocks(DATE, at + MINUTE + 1, MINUTE)).toThrow("behind PostgreSQL's")
})

test('one that is ahead does no harm, and an answer without a date tells nothing', () => {
  expect(compareClocks(DATE, at - 60 * MINUTE, MINUTE)).toMatch(/ahead of ours$/)
  expect(compareClocks(undefined, at, MINUTE)).toBe('not told')
})
