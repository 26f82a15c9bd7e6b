import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { expect, test, vi } from 'vitest'

const require = createRequire(import.meta.url)
const RequestQueue = require('kafkajs/src/network/requestQueue/index.js')
const newQueue = () =>
  new RequestQueue({
    maxInFlightRequests: null,
    requestTimeout: 1000,
    enforceRequestTimeout: false,
    clientId: 'c',
    broker: 'b',
    logger: { debug: () => undefined },
  })

test('an idle connection sets no timer; the repair is of the version that needs it', async () => {
  expect(
    JSON.parse(readFileSync(require.resolve('kafkajs/package.json'), 'utf8')).version,
    'see whether the repair is still needed',
  ).toBe('2.2.4')
  vi.useFakeTimers()
  try {
    const original = RequestQueue.prototype.scheduleCheckPendingRequests
    newQueue().checkPendingRequests()
    expect(vi.getTimerCount(), 'kafkajs has mended this: remove the repair').toBe(1)
    vi.clearAllTimers()
    await import('../../../platform/kafka/kafkajs.ts')
    expect(RequestQueue.prototype.scheduleCheckPendingRequests).not.toBe(original)
    newQueue().checkPendingRequests()
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})
