// kafkajs with some of its inner modules changed, before it loads them: the bodies of produce requests and of fetch responses
// (record-batch.ts does both), and what repairs.ts mends. docs/decisions/0005-kafkajs.md says why.
// The only module that imports it as a value.
import { createRequire } from 'node:module'
import type * as Kafkajs from 'kafkajs'
import { controlKey, isBatch, type ReceivedBatch, receivedBatches } from './record-batch.ts'
import { type Replace, repair } from './repairs.ts'

const require = createRequire(import.meta.url)

/** Makes `path` of kafkajs answer with what `replacement` makes of the original. */
const replace: Replace = <T>(path: string, replacement: (original: T) => T): void => {
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

replace('protocol/requests/produce/v3/request', produceRequest)
replace('protocol/requests/fetch/v4/decodeMessages', decodeMessages)
repair(replace)

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

export interface TopicOffsets {
  readonly topic: string
  readonly partitions: readonly { readonly partition: number; readonly offset: string }[]
}

/** What stands behind the client's consumers: its public ways to a message all lead through a group. */
export interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>
  /** Of the target topics. */
  refreshMetadata(): Promise<void>
  /** When it is old, or lacks one of them. */
  refreshMetadataIfNecessary(): Promise<void>
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number }[]
  /** Node id to those of the partitions that it leads. */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>
  findBroker(node: { readonly nodeId: string }): Promise<{
    fetch(request: FetchRequest): Promise<{ readonly responses: readonly { readonly partitions: readonly FetchedPartition[] }[] }>
  }>
  /** The first offset, the next, or the first from a moment on (-1: there is none). Without partitions that do not exist. */
  fetchTopicsOffset(of: readonly OffsetRequest[]): Promise<readonly TopicOffsets[]>
  findGroupCoordinator(group: { readonly groupId: string }): Promise<{
    /** What the group has committed; -1: nothing. */
    offsetFetch(request: {
      readonly groupId: string
      readonly topics: readonly { readonly topic: string; readonly partitions: readonly { readonly partition: number }[] }[]
    }): Promise<{ readonly responses: readonly TopicOffsets[] }>
  }>
}

const CREATE_CLUSTER = 'private:Kafka:createCluster'

/** With the connection settings of the client. Throws when the client has no such member: another version. */
export const openCluster = (kafka: Kafkajs.Kafka): Cluster => {
  const name = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER)
  const create: unknown = name === undefined ? undefined : Reflect.get(kafka, name)
  if (typeof create !== 'function') throw new Error(`kafkajs has no member ${CREATE_CLUSTER}`)
  return create({ metadataMaxAge: 300_000, allowAutoTopicCreation: false })
}
