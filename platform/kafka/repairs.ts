// What is mended in the connections and consumers of kafkajs 2.2.4, by replacing methods of its inner modules before it uses them: two
// timers, how a connection is made, broken and forgotten, how a consumer stops. docs/decisions/0005-kafkajs.md says why.
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'

/** Makes a module of kafkajs answer with what `replacement` makes of the original. */
export type Replace = <T>(path: string, replacement: (original: T) => T) => void

const require = createRequire(import.meta.url)

const LEAST_LOOK_MS = 100

interface Queue {
  pending: unknown[]
  throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
  readonly enforceRequestTimeout: boolean
  readonly requestTimeout: number
  requestTimeoutIntervalId: NodeJS.Timeout | null
  readonly inflight: ReadonlyMap<number, { readonly sentAt: number; readonly requestTimeout: number; timeoutRequest(): void }>
  isConnected(): boolean
  destroy(): void
}

// It re-arms this timer for ever with a negative delay (issues 1704, 1751): hundreds of wake-ups a second when
// idle. Ours arms it only when something is pending. test/unit/platform/kafka-client.test.ts tells when it is no longer needed.
function scheduleCheckPendingRequests(this: Queue): void {
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null
      this.checkPendingRequests()
    },
    Math.max(10, this.throttledUntil - Date.now()),
  )
}

// It looks ten times a second on each connection whether a request has run into its time-out, which is for nothing as a rule: two hundred
// wake-ups a second of a worker that has some twenty. Ours looks when the first of them would: what is sent later has its time-out later.
function scheduleRequestTimeoutCheck(this: Queue): void {
  if (!this.enforceRequestTimeout) return
  this.destroy()
  const check = () => {
    const now = Date.now()
    let restMs = this.requestTimeout
    try {
      for (const request of this.inflight.values()) {
        const leftMs = request.sentAt + request.requestTimeout - now
        if (leftMs < 0) request.timeoutRequest()
        else restMs = Math.min(restMs, leftMs)
      }
    } finally {
      if (this.isConnected()) lookIn(restMs)
      else this.destroy()
    }
  }
  const lookIn = (ms: number) => {
    // Its socket keeps the process alive, and nothing else is to: a connection that broke is not told of here.
    this.requestTimeoutIntervalId = setTimeout(check, Math.max(LEAST_LOOK_MS, ms + 1)).unref()
  }
  lookIn(this.requestTimeout)
}

interface Connection {
  readonly socket?: Socket
  chunks: Buffer[]
  bytesBuffered: number
  bytesNeeded: number
  isConnected(): boolean
  connect(): Promise<boolean>
  send(request: unknown): Promise<unknown>
}

// A request that ran into its time-out leaves the connection as it is, and all that come after it wait on it as long: what is
// half-open stays so for ever. Ours breaks it, so that the next request makes a new one.
const breakingOnTimeout = (send: Connection['send']): Connection['send'] =>
  async function (this: Connection, request) {
    try {
      return await send.call(this, request)
    } catch (error) {
      if (error instanceof Error && error.name === 'KafkaJSRequestTimeoutError') this.socket?.destroy(error)
      throw error
    }
  }

const LENGTH_BYTES = 4

// Two that find it disconnected at once make a socket each. The first is lost from sight: it stays open, so that the process never
// ends, and its bytes mix with those of the second. And what came of an answer before the break is taken for the beginning of the
// next one. Ours makes one socket at a time, and begins anew with it.
const connectingAnew = (connect: Connection['connect']): Connection['connect'] => {
  const attempts = new WeakMap<Connection, Promise<boolean>>()
  return function (this: Connection) {
    if (this.isConnected()) return Promise.resolve(true)
    const attempt = attempts.get(this) ?? begin(this).finally(() => attempts.delete(this))
    attempts.set(this, attempt)
    return attempt
  }

  function begin(connection: Connection): Promise<boolean> {
    connection.socket?.destroy()
    Object.assign(connection, { chunks: [], bytesBuffered: 0, bytesNeeded: LENGTH_BYTES })
    return connect.call(connection)
  }
}

interface Broker {
  readonly connectionPool: {
    readonly host: string
    readonly port: number
    /** One for fetches, and before it one for all else. */
    readonly pool: readonly [unknown, { rejectRequests(error: Error): void }]
  }
  disconnect(): Promise<void>
}

interface BrokerPool {
  createBroker: (settings: unknown) => Broker
  disconnect(): Promise<void>
}

const { KafkaJSConnectionClosedError }: { KafkaJSConnectionClosedError: new (message: string, of: object) => Error } =
  require('kafkajs/src/errors.js')

// After a break the client makes what stands for a broker anew, at times twice at once, and forgets the one before, connected or not.
// What is forgotten is not disconnected in the end, and the process does not end. Ours remembers all.
const disconnectingAll = (original: new (settings: unknown) => BrokerPool) =>
  class extends original {
    readonly #made = new Set<Broker>()

    constructor(settings: unknown) {
      super(settings)
      const { createBroker } = this
      this.createBroker = (of) => {
        const broker = createBroker(of)
        this.#made.add(broker)
        return broker
      }
    }

    override async disconnect(): Promise<void> {
      await super.disconnect()
      const made = [...this.#made]
      this.#made.clear()
      await Promise.all(made.map((broker) => broker.disconnect()))
    }

    breakFetches(): void {
      for (const { connectionPool } of this.#made) {
        const { host, port, pool } = connectionPool
        pool[1].rejectRequests(new KafkaJSConnectionClosedError('The consumer stops', { host, port }))
      }
    }
  }

interface Runner {
  readonly consumerGroup: { readonly cluster: { readonly brokerPool: { breakFetches(): void } } } | null
  stop(): Promise<void>
}

// One that stops waits for the answer to its fetch, and a broker without news keeps that back as long as it was told to. Ours does not wait:
// what it would answer is for whoever has the partitions next.
const stoppingAtOnce = (stop: Runner['stop']): Runner['stop'] =>
  async function (this: Runner) {
    const stopped = stop.call(this)
    this.consumerGroup?.cluster.brokerPool.breakFetches()
    await stopped
  }

export const repair = (replace: Replace): void => {
  replace('network/requestQueue/index', (original: { prototype: Queue & Record<`schedule${string}`, () => void> }) => {
    Object.assign(original.prototype, { scheduleCheckPendingRequests, scheduleRequestTimeoutCheck })
    return original
  })
  replace('network/connection', (original: { prototype: Connection }) => {
    original.prototype.send = breakingOnTimeout(original.prototype.send)
    original.prototype.connect = connectingAnew(original.prototype.connect)
    return original
  })
  replace('cluster/brokerPool', disconnectingAll)
  replace('consumer/runner', (original: { prototype: Runner }) => {
    original.prototype.stop = stoppingAtOnce(original.prototype.stop)
    return original
  })
}
