// Produces with acks from all in-sync replicas. Never "idempotent": that mode of the client loses acknowledged messages silently.
import type { Kafka } from 'kafkajs'
import { SynclineError } from '../errors.ts'
import { NO_TELEMETRY, type Telemetry, timed } from '../telemetry.ts'
import { ACK_TIMEOUT_MS, isKafkaAway } from './client.ts'
import { type EncodedBatch, type EncodedRounds, encodeRounds, type OutgoingTopic, type SendOptions } from './encode.ts'
import type { BatchToSend } from './kafkajs.ts'

export interface Sent {
  readonly topic: string
  readonly partition: number
  /** Offset of the first message of this send on the partition. */
  readonly baseOffset: bigint
}

export interface Producer {
  connect(): Promise<void>
  /** Resolves when all messages are durable. On an error any of them may still have been written: effects must be idempotent. */
  send(topics: readonly OutgoingTopic[], options?: SendOptions): Promise<readonly Sent[]>
  /** The same for messages that were encoded elsewhere. */
  sendEncoded(rounds: EncodedRounds): Promise<readonly Sent[]>
  disconnect(): Promise<void>
}

const requestOf = (round: readonly EncodedBatch[]): { topic: string; messages: BatchToSend[] }[] => {
  const byTopic = new Map<string, BatchToSend[]>()
  for (const { topic, partition, bytes } of round) {
    const batch = { partition, value: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length) }
    const batches = byTopic.get(topic)
    if (batches === undefined) byTopic.set(topic, [batch])
    else batches.push(batch)
  }
  return [...byTopic].map(([topic, messages]) => ({ topic, messages }))
}

const count = (telemetry: Telemetry, rounds: EncodedRounds): void => {
  const batches = rounds.flat()
  const sum = (of: (batch: EncodedBatch) => number) => batches.reduce((total, batch) => total + of(batch), 0)
  telemetry.add('syncline_produced_batches_total', {}, batches.length)
  telemetry.add(
    'syncline_produced_bytes_total',
    {},
    sum(({ bytes }) => bytes.length),
  )
  telemetry.add(
    'syncline_produced_records_total',
    {},
    sum(({ records }) => records),
  )
}

export const createProducer = (kafka: Kafka, telemetry: Telemetry = NO_TELEMETRY): Producer => {
  const producer = kafka.producer({ idempotent: false, allowAutoTopicCreation: false })

  const sendEncoded = async (rounds: EncodedRounds): Promise<readonly Sent[]> => {
    const sent: Sent[] = []
    try {
      for (const round of rounds) {
        const send = () => producer.sendBatch({ acks: -1, timeout: ACK_TIMEOUT_MS, topicMessages: requestOf(round) })
        const results = await timed(telemetry, 'syncline_produce_seconds', {}, send)
        for (const r of results) sent.push({ topic: r.topicName, partition: r.partition, baseOffset: BigInt(r.baseOffset ?? -1) })
      }
      count(telemetry, rounds)
    } catch (cause) {
      if (!isKafkaAway(cause)) throw cause
      throw new SynclineError('unavailable', 'Kafka did not acknowledge the messages', { cause, remedy: 'Check the brokers.' })
    }
    return sent
  }

  return {
    connect: () => producer.connect(),
    disconnect: () => producer.disconnect(),
    sendEncoded,
    send: async (topics, options) => sendEncoded(await encodeRounds(topics, options)),
  }
}
