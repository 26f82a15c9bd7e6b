// Produces with acks from all in-sync replicas. Never "idempotent": that mode of the client loses acknowledged messages silently.
import type { Kafka } from 'kafkajs'
import { SynclineError } from '../errors.ts'
import { NO_TELEMETRY, type Telemetry, timed } from '../telemetry.ts'
import { ACK_TIMEOUT_MS, isKafkaAway } from './client.ts'
import type { BatchToSend } from './kafkajs.ts'
import { partitionOf } from './partition.ts'
import { encodeBatch, type OutgoingMessage } from './record-batch.ts'

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

/** Bytes of one batch, at most: a topic's messages may have 1 MiB unless it is set otherwise. */
const MAX_BATCH_BYTES = 900_000
/** Lengths and deltas of a record in a batch, at most. */
const RECORD_OVERHEAD_BYTES = 40
const HEADER_OVERHEAD_BYTES = 6

/** Keys and headers are ASCII, or close: their lengths are near enough. The broker's limit is on the batch with all of it. */
const bytesOf = ({ key, value, headers }: OutgoingMessage): number => {
  let bytes = RECORD_OVERHEAD_BYTES + key.length + (value?.length ?? 0)
  for (const name in headers) bytes += HEADER_OVERHEAD_BYTES + name.length + (headers[name]?.length ?? 0)
  return bytes
}

/** Messages of one partition, in as many groups as there must be batches. */
const inBatches = (messages: readonly OutgoingMessage[]): OutgoingMessage[][] => {
  const batches: OutgoingMessage[][] = []
  let batch: OutgoingMessage[] = []
  let bytes = 0
  for (const message of messages) {
    const size = bytesOf(message)
    if (batch.length > 0 && bytes + size > MAX_BATCH_BYTES) {
      batches.push(batch)
      batch = []
      bytes = 0
    }
    batch.push(message)
    bytes += size
  }
  return batch.length === 0 ? batches : [...batches, batch]
}

interface Chunk {
  topic: string
  messages: BatchToSend[]
}

/** Rounds of requests: in each, a partition has one batch. */
const inRounds = async (topics: readonly OutgoingTopic[], compressed: boolean): Promise<Chunk[][]> => {
  const rounds: Chunk[][] = []
  const timestamp = Date.now()
  for (const { topic, partitions, messages } of topics) {
    const byPartition = Array.from({ length: partitions }, (): OutgoingMessage[] => [])
    for (const message of messages) byPartition[partitionOf(message.key, partitions)]?.push(message)
    const chunks: Chunk[] = []
    for (const [partition, all] of byPartition.entries()) {
      for (const [round, batch] of inBatches(all).entries()) {
        chunks[round] ??= { topic, messages: [] }
        chunks[round].messages.push({ partition, value: await encodeBatch(batch, timestamp, compressed) })
      }
    }
    for (const [round, chunk] of chunks.entries()) {
      rounds[round] ??= []
      rounds[round].push(chunk)
    }
  }
  return rounds
}

const count = (telemetry: Telemetry, topics: readonly OutgoingTopic[], rounds: readonly Chunk[][]): void => {
  const batches = rounds.flatMap((round) => round.flatMap((chunk) => chunk.messages))
  const bytes = batches.reduce((sum, { value }) => sum + value.length, 0)
  telemetry.add('syncline_produced_batches_total', {}, batches.length)
  telemetry.add('syncline_produced_bytes_total', {}, bytes)
  telemetry.add(
    'syncline_produced_records_total',
    {},
    topics.reduce((sum, { messages }) => sum + messages.length, 0),
  )
}

export const createProducer = (kafka: Kafka, telemetry: Telemetry = NO_TELEMETRY): Producer => {
  const producer = kafka.producer({ idempotent: false, allowAutoTopicCreation: false })
  return {
    connect: () => producer.connect(),
    disconnect: () => producer.disconnect(),
    send: async (topics, { compressed = false } = {}) => {
      const sent: Sent[] = []
      try {
        const rounds = await inRounds(topics, compressed)
        for (const topicMessages of rounds) {
          const send = () => producer.sendBatch({ acks: -1, timeout: ACK_TIMEOUT_MS, topicMessages })
          const results = await timed(telemetry, 'syncline_produce_seconds', {}, send)
          for (const r of results)
            sent.push({ topic: r.topicName, partition: r.partition, baseOffset: BigInt(r.baseOffset ?? -1) })
        }
        count(telemetry, topics, rounds)
      } catch (cause) {
        if (!isKafkaAway(cause)) throw cause
        throw new SynclineError('unavailable', 'Kafka did not acknowledge the messages', { cause, remedy: 'Check the brokers.' })
      }
      return sent
    },
  }
}
