// Deliveries that come within some milliseconds go to Kafka in one send; each resolves when it is durable. Bounded in bytes.
import { SynclineError } from '../../platform/errors.ts'
import type { Producer } from '../../platform/kafka/producer.ts'
import type { OutgoingMessage } from '../../platform/kafka/record-batch.ts'
import { LIVE_PARTITIONS } from '../../topics/list.ts'

export interface DeliveryWriter {
  /** Rejects with 'unavailable' when Kafka is away, or more waits for it than memory is meant for. */
  write(topic: string, message: OutgoingMessage): Promise<void>
}

interface Waiting {
  readonly topic: string
  readonly message: OutgoingMessage
  resolve(): void
  reject(error: unknown): void
}

const GATHER_MS = 2
const MAX_WAITING_BYTES = 32 * 1024 * 1024

export const createDeliveryWriter = (producer: Pick<Producer, 'send'>): DeliveryWriter => {
  let waiting: Waiting[] = []
  let bytes = 0

  const flush = async (): Promise<void> => {
    const batch = waiting
    waiting = []
    const topics = [...new Set(batch.map(({ topic }) => topic))].map((topic) => ({
      topic,
      partitions: LIVE_PARTITIONS,
      messages: batch.filter((each) => each.topic === topic).map(({ message }) => message),
    }))
    try {
      await producer.send(topics)
      for (const { resolve } of batch) resolve()
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }

  return {
    write: async (topic, message) => {
      const size = message.value?.length ?? 0
      if (bytes + size > MAX_WAITING_BYTES) {
        throw new SynclineError('unavailable', 'More deliveries wait for Kafka than memory is meant for.')
      }
      bytes += size
      try {
        await new Promise<void>((resolve, reject) => {
          waiting.push({ topic, message, resolve, reject })
          if (waiting.length === 1) setTimeout(flush, GATHER_MS)
        })
      } finally {
        bytes -= size
      }
    },
  }
}
