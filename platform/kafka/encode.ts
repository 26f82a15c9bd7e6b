// Messages of several topics to record batches, ready for requests: the part of producing that costs, and needs no connection.
import { partitionOf } from './partition.ts'
import { encodeBatch, type OutgoingMessage } from './record-batch.ts'

/** Messages of one topic; `partitions` is the topic's count, so that the partition is fixed here and not on each retry. */
export interface OutgoingTopic {
  readonly topic: string
  readonly partitions: number
  readonly messages: readonly OutgoingMessage[]
}

export interface SendOptions {
  /** With gzip: for messages of many kilobytes of text. */
  readonly compressed?: boolean
}

export interface EncodedBatch {
  readonly topic: string
  readonly partition: number
  readonly records: number
  readonly bytes: Uint8Array
}

/** Rounds of requests: in each, a partition has one batch. */
export type EncodedRounds = readonly (readonly EncodedBatch[])[]

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

/** Stamped with the time of this machine; the broker's counts on topics of ours. */
export const encodeRounds = async (
  topics: readonly OutgoingTopic[],
  { compressed = false }: SendOptions = {},
): Promise<EncodedRounds> => {
  const rounds: EncodedBatch[][] = []
  const timestamp = Date.now()
  for (const { topic, partitions, messages } of topics) {
    const byPartition = Array.from({ length: partitions }, (): OutgoingMessage[] => [])
    for (const message of messages) byPartition[partitionOf(message.key, partitions)]?.push(message)
    for (const [partition, all] of byPartition.entries()) {
      for (const [round, batch] of inBatches(all).entries()) {
        rounds[round] ??= []
        const bytes = await encodeBatch(batch, timestamp, compressed)
        rounds[round].push({ topic, partition, records: batch.length, bytes })
      }
    }
  }
  return rounds
}
