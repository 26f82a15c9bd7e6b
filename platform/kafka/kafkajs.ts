// kafkajs with seven of its inner modules changed, before it loads them: the bodies of produce requests and of fetch responses
// (record-batch.ts does both), two timers, how a connection is made, broken and forgotten, how a consumer stops and goes on.
// docs/decisions/0005-kafkajs.md says why.
// The only module that imports it as a value.
import { createRequire } from 'node:module'
import type { Socket } from 'node:net'
import type * as Kafkajs from 'kafkajs'
import { pause } from '../lifecycle.ts'
import { controlKey, isBatch, type ReceivedBatch, receivedBatches } from './record-batch.ts'

const require = createRequire(import.meta.url)

/** Makes `path` of kafkajs answer with what `replacement` makes of the original. */
const replace = <T>(path: string, replacement: (original: T) => T): void => {
  const id = require.resolve(`kafkajs/src/${path}.js`)
  const original: T = require(id)
  const loaded = require.cache[id]
  if (loaded === undefined) throw new Error(`kafkajs has no module ${path}`)
  loaded.exports = replacement(original)
}

/** What stands for a batch inside the client: to send, the encoded batch; received, one "message" with the last offset. */
export interface BatchToSend {
  readonly partition: number
  readonly value: Buffer
}

interface BatchMessage {
  readonly offset: string
  readonly key: Buffer | null
  readonly value: null
  readonly timestamp: string
  readonly isControlRecord: boolean
  readonly batchContext: { readonly producerId: string; readonly inTransaction: boolean }
  readonly received: ReceivedBatch
}

interface Encoder {
  writeString(value: string | null): Encoder
  writeInt16(value: number): Encoder
  writeInt32(value: number): Encoder
  writeBuffer(value: Buffer): Encoder
}

interface ProduceOptions {
  readonly acks: number
  readonly timeout: number
  readonly transactionalId?: string | null
  readonly topicData: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly messages: readonly BatchToSend[] }[]
  }[]
}

const Encoder: new () => Encoder = require('kafkajs/src/protocol/encoder.js')

interface Request {
  readonly encode: () => Promise<Encoder>
}

/** https://kafka.apache.org/protocol#The_Messages_Produce, version 3 and, in this part, all up to 7. */
const produceRequest =
  (original: (options: ProduceOptions) => Request) =>
  (options: ProduceOptions): Request => ({
    ...original(options),
    encode: async () => {
      const { acks, timeout, transactionalId = null, topicData } = options
      const encoder = new Encoder().writeString(transactionalId).writeInt16(acks).writeInt32(timeout)
      encoder.writeInt32(topicData.length)
      for (const { topic, partitions } of topicData) {
        encoder.writeString(topic).writeInt32(partitions.length)
        for (const { partition, messages } of partitions) {
          const [batch] = messages
          if (batch === undefined || messages.length > 1) throw new Error('one encoded batch a partition and request')
          encoder.writeInt32(partition).writeInt32(batch.value.length).writeBuffer(batch.value)
        }
      }
      return encoder
    },
  })

interface Decoder {
  readonly buffer: Buffer
  readonly offset: number
  readInt32(): number
  readBytes(length: number): Buffer
  canReadBytes(length: number): boolean
}

const asMessage = (received: ReceivedBatch): BatchMessage => ({
  offset: received.lastOffset.toString(),
  key: received.isControl ? controlKey(received) : null,
  value: null,
  timestamp: String(received.firstTimestamp),
  isControlRecord: received.isControl,
  batchContext: { producerId: received.producerId, inTransaction: received.isTransactional },
  received,
})

const decodeMessages = () => async (decoder: Decoder) => {
  const size = decoder.readInt32()
  if (size <= 0 || !decoder.canReadBytes(size)) return []
  const bytes = decoder.readBytes(size)
  if (!isBatch(bytes)) throw new Error('the topic has messages of a format older than Kafka 0.11')
  return (await receivedBatches(bytes)).map(asMessage)
}

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

// kafkajs 2.2.4 re-arms this timer for ever with a negative delay (its issues 1704, 1751): hundreds of wake-ups a second when
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
// wake-ups a second of an idle worker. Ours looks as often as a time-out needs.
function scheduleRequestTimeoutCheck(this: Queue): void {
  if (!this.enforceRequestTimeout) return
  this.destroy()
  const check = () => {
    const now = Date.now()
    for (const request of this.inflight.values()) if (now - request.sentAt > request.requestTimeout) request.timeoutRequest()
    if (!this.isConnected()) this.destroy()
  }
  this.requestTimeoutIntervalId = setInterval(check, Math.max(100, this.requestTimeout / 10))
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

interface ConsumerGroup {
  readonly subscriptionState: Readonly<Record<'active' | 'assigned', () => readonly { readonly partitions: readonly number[] }[]>>
  fetch(nodeId: string): Promise<readonly unknown[]>
}

const PAUSED_MS = 100
const UNASSIGNED_MS = 1_000

// One that is paused sleeps for as long as a fetch may wait for news, and does not notice that it is to go on. Ours looks soon.
const goingOnSoon = (fetch: ConsumerGroup['fetch']): ConsumerGroup['fetch'] =>
  async function (this: ConsumerGroup, nodeId) {
    const hasAny = (which: 'active' | 'assigned') =>
      this.subscriptionState[which]().some(({ partitions }) => partitions.length > 0)
    if (hasAny('active')) return fetch.call(this, nodeId)
    await pause(hasAny('assigned') ? PAUSED_MS : UNASSIGNED_MS)
    return []
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

replace('protocol/requests/produce/v3/request', produceRequest)
replace('protocol/requests/fetch/v4/decodeMessages', decodeMessages)
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
replace('consumer/consumerGroup', (original: { prototype: ConsumerGroup }) => {
  original.prototype.fetch = goingOnSoon(original.prototype.fetch)
  return original
})
replace('consumer/runner', (original: { prototype: Runner }) => {
  original.prototype.stop = stoppingAtOnce(original.prototype.stop)
  return original
})

export const kafkajs: typeof Kafkajs = require('kafkajs')

/** The batch that a message delivered by the client stands for. */
export const receivedOf = (message: Kafkajs.KafkaMessage): ReceivedBatch => {
  if (!('received' in message)) throw new Error('a message that was not decoded by us')
  // Every message that the client delivers was made by asMessage.
  return message.received as ReceivedBatch
}

export interface FetchedPartition {
  readonly messages: readonly Kafkajs.KafkaMessage[]
  /** All before it is committed, and can be read. */
  readonly lastStableOffset: string
  readonly abortedTransactions: readonly { readonly producerId: string; readonly firstOffset: string }[]
}

const withoutAborted: (
  of: FetchedPartition,
) => readonly Kafkajs.KafkaMessage[] = require('kafkajs/src/consumer/filterAbortedMessages.js')

/** The batches that a consumer is given: neither those of aborted transactions nor their markers. */
export const deliveredOf = (fetched: FetchedPartition): readonly ReceivedBatch[] =>
  withoutAborted(fetched)
    .map(receivedOf)
    .filter(({ isControl }) => !isControl)

interface FetchRequest {
  readonly topics: readonly {
    readonly topic: string
    readonly partitions: readonly { readonly partition: number; readonly fetchOffset: string; readonly maxBytes: number }[]
  }[]
  readonly [setting: string]: unknown
}

type OffsetRequest = { readonly topic: string; readonly partitions: readonly { readonly partition: number }[] } & (
  | { readonly fromBeginning: boolean }
  | { readonly fromTimestamp: number }
)

/** What stands behind the client's consumers: its public ways to a message all lead through a group. */
export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  /** Of the target topics. */
  refreshMetadata(): Promise<void>
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[]
  /** Node id to those of the partitions that it leads. */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>
  findBroker(node: { readonly nodeId: string }): Promise<{
    fetch(request: FetchRequest): Promise<{ readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[] }>
  }>
  /** The first offset, the next, or the first from a moment on (-1: there is none). Without partitions that do not exist. */
  fetchTopicsOffset(
    of: readonly OffsetRequest[],
  ): Promise<readonly { readonly partitions: readonly { readonly offset: string }[] }[]>
}

const CREATE_CLUSTER = 'private:Kafka:createCluster'

/** With the connection settings of the client. Throws when the client has no such member: another version. */
export const openCluster = (kafka: Kafkajs.Kafka): Cluster => {
  const name = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER)
  const create: unknown = name === undefined ? undefined : Reflect.get(kafka, name)
  if (typeof create !== 'function') throw new Error(`kafkajs has no member ${CREATE_CLUSTER}`)
  return create({ metadataMaxAge: 300_000, allowAutoTopicCreation: false })
}
