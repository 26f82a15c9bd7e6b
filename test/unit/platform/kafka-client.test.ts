import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import { expect, test, vi } from 'vitest'

const require = createRequire(import.meta.url)
const RequestQueue = require('kafkajs/src/network/requestQueue/index.js')
const Encoder = require('kafkajs/src/protocol/encoder.js')
const newQueue = (more = {}) =>
  new RequestQueue({
    maxInFlightRequests: null,
    requestTimeout: 1000,
    enforceRequestTimeout: false,
    clientId: 'c',
    broker: 'b',
    logger: { debug: () => undefined },
    isConnected: () => true,
    ...more,
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

test('a connection looks for requests that are late when the first of them may be, and not ten times a second', async () => {
  await import('../../../platform/kafka/kafkajs.ts')
  vi.useFakeTimers()
  try {
    const queue = newQueue({ requestTimeout: 15_000, enforceRequestTimeout: true })
    queue.scheduleRequestTimeoutCheck()
    vi.advanceTimersByTime(8_000)
    const [startedAt, endedAt] = [Date.now(), [0, 0]]
    for (const [n, requestTimeout] of [15_000, 20_000].entries()) {
      const timeoutRequest = () => {
        queue.inflight.delete(n)
        endedAt[n] = Date.now() - startedAt
      }
      queue.inflight.set(n, { sentAt: startedAt, requestTimeout, timeoutRequest })
    }
    let looks = 0
    for (; queue.inflight.size > 0; looks++) vi.advanceTimersToNextTimer()
    expect(endedAt).toEqual([15_001, 20_001])
    expect(looks).toBe(3)
    expect(vi.getTimerCount()).toBe(1)
  } finally {
    vi.useRealTimers()
  }
})

/** A server of our own behaviour, and a connection of the client to it. */
const connectionTo = async (onRequest: (socket: Socket, request: Buffer) => void) => {
  await import('../../../platform/kafka/kafkajs.ts')
  const Connection = require('kafkajs/src/network/connection.js')
  const sockets: Socket[] = []
  const server = createServer((socket) => {
    sockets.push(socket)
    socket.on('data', (request) => onRequest(socket, request)).on('error', () => undefined)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const logger = { namespace: () => logger, debug: () => undefined, error: () => undefined, warn: () => undefined }
  const connection = new Connection({
    host: '127.0.0.1',
    // A server that listens on TCP has such an address.
    port: (server.address() as AddressInfo).port,
    socketFactory: require('kafkajs/src/network/socketFactory.js')(),
    requestTimeout: 150,
    connectionTimeout: 1_000,
    logger,
  })
  const request = { apiKey: 3, apiName: 'Metadata', apiVersion: 1, encode: async () => new Encoder() }
  const response = { decode: async (payload: Buffer) => ({ payload }), parse: async (data: object) => data }
  return {
    connection,
    sockets,
    send: () => connection.send({ request, response }),
    close: async () => {
      await connection.disconnect()
      server.close()
    },
  }
}

const CORRELATION_AT = 8

/** The answer to a request: its length, the number of the request, and `text`. */
const answerTo = (request: Buffer, text: string): Buffer => {
  const head = Buffer.alloc(8)
  head.writeInt32BE(4 + text.length)
  request.copy(head, 4, CORRELATION_AT, CORRELATION_AT + 4)
  return Buffer.concat([head, Buffer.from(text)])
}

test('a connection on which a request is not answered in time is broken, so that the next one is sent on another', async () => {
  const { connection, sockets, send, close } = await connectionTo(() => undefined)
  await connection.connect()
  await expect(send()).rejects.toThrow('timed out')
  await vi.waitFor(() => expect(sockets.map((socket) => socket.closed)).toEqual([true]))
  expect(connection.isConnected()).toBe(false)
  await close()
})

test('two that connect at once share one socket, and none is left open', async () => {
  const { connection, sockets, close } = await connectionTo(() => undefined)
  await Promise.all([connection.connect(), connection.connect()])
  await connection.disconnect()
  await vi.waitFor(() => expect(sockets.map((socket) => socket.closed)).toEqual([true]))
  await close()
})

test('the half of an answer that came before a break does not spoil the next one', async () => {
  const breaks = [true, false]
  const { connection, send, close } = await connectionTo((socket, request) => {
    if (!breaks.shift()) socket.write(answerTo(request, 'whole'))
    else socket.write(answerTo(request, 'never whole').subarray(0, 12), () => socket.destroy())
  })
  await connection.connect()
  await expect(send()).rejects.toThrow()
  await connection.connect()
  const { payload } = await send()
  expect(String(payload)).toBe('whole')
  await close()
})
