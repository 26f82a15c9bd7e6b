import { expect, test } from 'vitest'
import { createTickPace } from '../../../orchestrator/tick-pace.ts'

/** When ticks that take so long begin, each as soon as it may. */
const beginnings = (pace: ReturnType<typeof createTickPace>, tookMs: number, from: number, until: number): readonly number[] => {
  const at: number[] = []
  for (let now = from; now < until; ) {
    at.push(now)
    now += tookMs
    now += pace.restMs(now - tookMs, now)
  }
  return at
}

test('after a silence several ticks follow one another at once', () => {
  const pace = createTickPace(200, 2_000)
  for (const from of [0, 60_000])
    expect(beginnings(pace, 5, from, from + 40)).toEqual([0, 5, 10, 15, 20, 25, 30, 35].map((at) => from + at))
})

test('in the long run signals make no more ticks than a leader has without them, however long those take', () => {
  for (const tookMs of [1, 20, 500]) {
    const without = 600_000 / (200 + tookMs)
    const ticks = beginnings(createTickPace(200, 2_000), tookMs, 0, 600_000).length
    expect(ticks).toBeGreaterThanOrEqual(without)
    expect(ticks).toBeLessThan(without + 12)
  }
})
