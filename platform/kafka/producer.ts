// Produces with acks from all in-sync replicas. Never "idempotent": that mode of the client loses acknowledged messages silently.
import kafkajs, { type Kafka, type Producer as KafkaProducer } from 'kafkajs'
import { SynclineError } from '../errors.ts'
import { isKafkaAway } from './client.ts'
import { partitionOf } from './partition.ts'

export interface OutgoingMessage {
  readonly key: string
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
}

/** Messages of one topic; `partitions` is the topic's count, so that the partition is fixed here and not on each retry. */
export interface OutgoingTopic {
  readonly topic: string
  readonly partitions: number
  readonly messages: readonly OutgoingMessage[]
}

export interface Sent {
  readonly topic: string
  readonly partition: number
  /** Offset of the first message of this send on the partition. */
  readonly baseOffset: bigint
}

export interface SendOptions {
  /** With gzip: for messages of many kilobytes of text. */
  readonly compressed?: boolean
}

export interface Producer {
  connect(): Promise<void>
  /** Resolves when all messages are durable. On an error any of them may still have been written: effects must be idempotent. */
  send(topics: readonly OutgoingTopic[], options?: SendOptions): Promise<readonly Sent[]>
  disconnect(): Promise<void>
}

// The client groups a send quadratically per partition, and a batch above 125,000 records cannot be read back by it.
const MAX_MESSAGES_PER_PARTITION = 2_000
const MAX_BYTES_PER_PARTITION = 900_000
/** Lengths and deltas of a record in a batch, at most. */
const RECORD_OVERHEAD_BYTES = 40
const HEADER_OVERHEAD_BYTES = 6

interface Chunk {
  topic: string
  messages: { key: string; value: Buffer | null; headers: Record<string, string>; partition: number }[]
}

/** Keys and headers are ASCII, or close: their lengths are near enough. The broker's limit is on the batch with all of it. */
const bytesOf = ({ key, value, headers }: OutgoingMessage): number => {
  let bytes = RECORD_OVERHEAD_BYTES + key.length + (value?.length ?? 0)
  for (const name in headers) bytes += HEADER_OVERHEAD_BYTES + name.length + (headers[name]?.length ?? 0)
  return bytes
}

/** Rounds of sends: within a round no partition gets more than the client can take in one request. */
const inRounds = (topics: readonly OutgoingTopic[]): Chunk[][] => {
  const rounds: Chunk[][] = []
  for (const { topic, partitions, messages } of topics) {
    const filled = Array.from({ length: partitions }, () => ({ round: 0, messages: 0, bytes: 0 }))
    const chunks: Chunk[] = []
    for (const message of messages) {
      const partition = partitionOf(message.key, partitions)
      const state = filled[partition]
      if (!state) continue
      const bytes = bytesOf(message)
      if (state.messages >= MAX_MESSAGES_PER_PARTITION || (state.messages > 0 && state.bytes + bytes > MAX_BYTES_PER_PARTITION)) {
        state.round++
        state.messages = 0
        state.bytes = 0
      }
      state.messages++
      state.bytes += bytes
      chunks[state.round] ??= { topic, messages: [] }
      chunks[state.round]?.messages.push({ key: message.key, value: message.value, headers: message.headers, partition })
    }
    chunks.forEach((chunk, round) => {
      rounds[round] ??= []
      rounds[round]?.push(chunk)
    })
  }
  return rounds
}

export const createProducer = (kafka: Kafka): Producer => {
  const producer: KafkaProducer = kafka.producer({ idempotent: false, allowAutoTopicCreation: false })
  return {
    connect: () => producer.connect(),
    disconnect: () => producer.disconnect(),
    send: async (topics, { compressed = false } = {}) => {
      const { GZIP, None } = kafkajs.CompressionTypes
      const sent: Sent[] = []
      try {
        for (const topicMessages of inRounds(topics)) {
          const results = await producer.sendBatch({
            acks: -1,
            timeout: 30_000,
            compression: compressed ? GZIP : None,
            topicMessages,
          })
          for (const r of results)
            sent.push({ topic: r.topicName, partition: r.partition, baseOffset: BigInt(r.baseOffset ?? -1) })
        }
      } catch (cause) {
        if (!isKafkaAway(cause)) throw cause
        throw new SynclineError('unavailable', 'Kafka did not acknowledge the messages', { cause, remedy: 'Check the brokers.' })
      }
      return sent
    },
  }
}
