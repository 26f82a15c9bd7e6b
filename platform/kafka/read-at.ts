// Single messages read back by their offsets: positions go in, those messages come out that are still in the log.
import { randomUUID } from 'node:crypto'
import type { Kafka, Batch as KafkaBatch, Consumer as KafkaConsumer } from 'kafkajs'
import { SynclineError } from '../errors.ts'
import { deferred } from '../lifecycle.ts'
import { messagesOf, type Position } from './consumer.ts'
import { partitionKey } from './offsets.ts'
import type { Message } from './record-batch.ts'

export const offsetKey = ({ topic, partition, offset }: Position): string => `${partitionKey(topic, partition)}/${offset}`

/**
 * Messages by `offsetKey`; one that is not among them is not in the log any more. To be asked for below the end of its partition.
 * Throws SynclineError('unavailable') when the brokers do not give an answer for each in time.
 */
export type ReadAt = (positions: readonly Position[]) => Promise<ReadonlyMap<string, Message>>

const TIMEOUT_MS = 30_000

/** Offsets still wanted, by partition, rising. */
class Wanted {
  readonly #left = new Map<string, bigint[]>()

  constructor(positions: readonly Position[]) {
    for (const { topic, partition, offset } of positions) {
      const key = partitionKey(topic, partition)
      this.#left.set(key, [...(this.#left.get(key) ?? []), offset])
    }
    for (const offsets of this.#left.values()) offsets.sort((a, b) => (a < b ? -1 : 1))
  }

  next(topic: string, partition: number): bigint | undefined {
    return this.#left.get(partitionKey(topic, partition))?.[0]
  }

  /** All up to and with `offset` have been read, or are gone. */
  passed(topic: string, partition: number, offset: bigint): void {
    const key = partitionKey(topic, partition)
    const left = (this.#left.get(key) ?? []).filter((wanted) => wanted > offset)
    if (left.length === 0) this.#left.delete(key)
    else this.#left.set(key, left)
  }

  get isEmpty(): boolean {
    return this.#left.size === 0
  }
}

/** `groupPrefix`: each reading joins a group of its own, which commits nothing and goes with it. */
export const createReadAt =
  (kafka: Kafka, groupPrefix: string): ReadAt =>
  async (positions) => {
    if (positions.length === 0) return new Map()
    const consumer = kafka.consumer({
      groupId: `${groupPrefix}.${randomUUID()}`,
      allowAutoTopicCreation: false,
      maxWaitTimeInMs: 100,
      retry: { initialRetryTime: 100, maxRetryTime: 3_000, retries: 5, restartOnFailure: async () => false },
    })
    try {
      return await readAll(consumer, positions)
    } finally {
      await consumer.disconnect()
    }
  }

const readAll = async (consumer: KafkaConsumer, positions: readonly Position[]): Promise<ReadonlyMap<string, Message>> => {
  const wanted = new Wanted(positions)
  const keys = new Set(positions.map(offsetKey))
  const found = new Map<string, Message>()
  const done = deferred<void>()

  const goOn = (topic: string, partition: number): void => {
    const next = wanted.next(topic, partition)
    if (next === undefined) consumer.pause([{ topic, partitions: [partition] }])
    else consumer.seek({ topic, partition, offset: next.toString() })
  }

  const take = (batch: KafkaBatch): void => {
    const { topic, partition } = batch
    for (const message of messagesOf(batch)) {
      const key = offsetKey({ topic, partition, offset: message.offset })
      if (keys.has(key)) found.set(key, message)
    }
    wanted.passed(topic, partition, BigInt(batch.lastOffset()))
    goOn(topic, partition)
    if (wanted.isEmpty) done.resolve()
  }

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    for (const [topic, partitions] of Object.entries(payload.memberAssignment))
      for (const partition of partitions) goOn(topic, partition)
  })
  consumer.on(consumer.events.CRASH, ({ payload }) => done.reject(payload.error))
  const late = setTimeout(() => done.reject(tooLate(positions.length)), TIMEOUT_MS)
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [...new Set(positions.map(({ topic }) => topic))], fromBeginning: true })
    await consumer.run({ autoCommit: false, eachBatchAutoResolve: false, eachBatch: async ({ batch }) => take(batch) })
    await done.promise
    return found
  } finally {
    clearTimeout(late)
  }
}

const tooLate = (messages: number): SynclineError =>
  new SynclineError('unavailable', `Kafka did not give ${messages} messages back within ${TIMEOUT_MS / 1000} s`, {
    remedy: 'Check the brokers.',
  })
