// The limit of one process: who waits, and who does not.
import { expect, test } from 'vitest'
import { createPace } from '../../../adapters/core/pace.ts'

test('who is aborted while waiting for a permit takes none, and those behind go on', async () => {
  const pace = createPace({ requests: 1, periodMs: 60_000 })
  await pace.permit()
  const controller = new AbortController()
  const aborted = pace.permit(controller.signal)
  const behind = pace.permit()
  const reason = new Error('enough')
  controller.abort(reason)
  await expect(aborted).rejects.toBe(reason)
  // The first one is answered; the vendor's period turns out to be short.
  pace.observe({ periodMs: 1 })
  await behind
  await expect(pace.permit(AbortSignal.abort(reason))).rejects.toBe(reason)
})

test('a limit that somebody else uses too is seen in the vendor’s count', async () => {
  const pace = createPace({ requests: 3, periodMs: 60_000 })
  await pace.permit()
  pace.observe({ count: 3 })
  const controller = new AbortController()
  const order: string[] = []
  const waiting = pace.permit(controller.signal).catch(() => order.push('aborted'))
  setImmediate(() => {
    order.push('a turn later')
    controller.abort()
  })
  await waiting
  expect(order).toEqual(['a turn later', 'aborted'])
})
