import { describe, expect, test } from 'vitest'
import { isOvertaken } from '../../../sinks/overtaken.ts'
import type { Version } from '../../../sinks/version.ts'
import { HINT_OBSERVED_AT } from '../../../topics/hints.ts'
import { version } from './versions.ts'

describe('a version was overtaken', () => {
  const HOUR = 3_600_000
  const seen = (observedAt: number, parts: Partial<Version> = {}) =>
    version({ observedAt, sourceUpdatedAt: observedAt, contentHash: `seen ${observedAt}`, ...parts })
  const told = (sourceUpdatedAt: number) =>
    version({ observedAt: HINT_OBSERVED_AT, sourceUpdatedAt, contentHash: `told ${sourceUpdatedAt}` })

  test('when what is newer was seen or told after it was seen', () => {
    expect(isOvertaken(seen(5 * HOUR), seen(6 * HOUR))).toBe(true)
    expect(isOvertaken(seen(5 * HOUR), seen(6 * HOUR, { deleted: true, sourceUpdatedAt: null }))).toBe(true)
    expect(isOvertaken(seen(5 * HOUR, { deleted: true, sourceUpdatedAt: null }), seen(6 * HOUR))).toBe(true)
    expect(isOvertaken(seen(5 * HOUR), told(6 * HOUR))).toBe(true)
    expect(isOvertaken(told(5 * HOUR), told(6 * HOUR))).toBe(true)
  })

  test("also when the source's clock is a little behind ours", () => {
    expect(isOvertaken(seen(5 * HOUR, { sourceUpdatedAt: HOUR }), told(5 * HOUR - 50_000))).toBe(true)
    expect(isOvertaken(seen(5 * HOUR, { sourceUpdatedAt: HOUR }), told(5 * HOUR - 70_000))).toBe(false)
  })

  test('not by what was told of the same second: that is a doubt', () => {
    expect(isOvertaken(told(5 * HOUR), { ...told(5 * HOUR), contentHash: 'z' })).toBe(false)
  })

  test('not when it is newer, the same, or older though it was seen later: that is the word of the source', () => {
    expect(isOvertaken(seen(6 * HOUR), seen(5 * HOUR))).toBe(false)
    expect(isOvertaken(seen(5 * HOUR), seen(6 * HOUR, { contentHash: seen(5 * HOUR).contentHash }))).toBe(false)
    expect(isOvertaken(seen(6 * HOUR, { sourceUpdatedAt: HOUR }), seen(5 * HOUR))).toBe(false)
  })
})
