// Messages read back by their offsets: positions go in, those messages come out that are still in the log.
import type { Kafka } from 'kafkajs'
import type { Position } from './consumer.ts'
import { withLook } from './look.ts'
import { partitionKey } from './offsets.ts'
import type { Message } from './record-batch.ts'

export const offsetKey = ({ topic, partition, offset }: Position): string => `${partitionKey(topic, partition)}/${offset}`

/**
 * Messages by `offsetKey`; one that is not among them is not in the log any more. To be asked for below the end of its partition.
 * Throws SynclineError('unavailable') when the brokers cannot be asked.
 */
export type ReadAt = (positions: readonly Position[]) => Promise<ReadonlyMap<string, Message>>

const inLogOrder = (a: Position, b: Position): number => {
  const [left, right] = [partitionKey(a.topic, a.partition), partitionKey(b.topic, b.partition)]
  if (left !== right) return left < right ? -1 : 1
  return a.offset < b.offset ? -1 : Number(a.offset > b.offset)
}

export const createReadAt =
  (kafka: Kafka): ReadAt =>
  async (positions) => {
    const found = new Map<string, Message>()
    if (positions.length === 0) return found
    await withLook(kafka, async (look) => {
      for (const position of [...positions].sort(inLogOrder)) {
        const message = await look.at(position, position.offset)
        if (message !== undefined) found.set(offsetKey(position), message)
      }
    })
    return found
  }
