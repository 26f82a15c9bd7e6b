import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer } from 'node:net'
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

test('a connection on which a request is not answered in time is broken, so that the next one is sent on another', async () => {
  await import('../../../platform/kafka/kafkajs.ts')
  const Connection = require('kafkajs/src/network/connection.js')
  const Encoder = require('kafkajs/src/protocol/encoder.js')
  const silent = createServer((socket) => socket.resume())
  silent.listen(0, '127.0.0.1')
  await once(silent, 'listening')
  // A server that listens on TCP has such an address.
  const { port } = silent.address() as AddressInfo
  const logger = { namespace: () => logger, debug: () => undefined, error: () => undefined }
  const settings = { requestTimeout: 150, connectionTimeout: 1_000, logger }
  const connection = new Connection({
    host: '127.0.0.1',
    port,
    socketFactory: require('kafkajs/src/network/socketFactory.js')(),
    ...settings,
  })
  const accepted = once(silent, 'connection')
  await connection.connect()
  const [socket] = await accepted
  const gone = once(socket, 'close')
  const request = { apiKey: 3, apiName: 'Metadata', apiVersion: 1, encode: async () => new Encoder() }
  await expect(connection.send({ request, response: {} })).rejects.toThrow('timed out')
  await gone
  expect(connection.isConnected()).toBe(false)
  silent.close()
})
