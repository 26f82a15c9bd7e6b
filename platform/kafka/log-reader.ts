// Reads single messages by their place in the log, outside of any consumer group: goes in a place, comes out the message, or
// nothing when retention has removed it. A fetch brings the neighbours along: who reads many reads them in the order of their places.
import type { Kafka } from 'kafkajs'
import { messageOf, SynclineError } from '../errors.ts'
import { type Cluster, type FetchedPartition, openCluster, receivedOf } from './kafkajs.ts'
import { type Message, readMessages } from './record-batch.ts'

export interface LogReader {
  /** Undefined: the log no longer has it, or not yet. Throws SynclineError('unavailable') when the brokers cannot be asked. */
  readAt(topic: string, partition: number, offset: bigint): Promise<Message | undefined>
  close(): Promise<void>
}

const FETCH = { maxWaitTime: 500, minBytes: 1, maxBytes: 1024 * 1024, isolationLevel: 0, replicaId: -1 }

const isOutOfRange = (error: unknown): boolean =>
  error instanceof Error && 'type' in error && error.type === 'OFFSET_OUT_OF_RANGE'

const messagesOf = (fetched: FetchedPartition | undefined, from: bigint): ReadonlyMap<bigint, Message> => {
  const messages: Message[] = []
  for (const each of fetched?.messages ?? []) {
    const batch = receivedOf(each)
    if (!batch.isControl) readMessages(batch, from, messages)
  }
  return new Map(messages.map((message) => [message.offset, message]))
}

const fetchFrom = async (
  cluster: Cluster,
  topic: string,
  partition: number,
  offset: bigint,
): Promise<ReadonlyMap<bigint, Message>> => {
  await cluster.addTargetTopic(topic)
  const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
  if (nodeId === undefined) throw new Error(`partition ${partition} of ${topic} has no leader`)
  const broker = await cluster.findBroker({ nodeId })
  const partitions = [{ partition, fetchOffset: offset.toString(), maxBytes: FETCH.maxBytes }]
  try {
    const { responses } = await broker.fetch({ ...FETCH, topics: [{ topic, partitions }] })
    return messagesOf(responses[0]?.partitions[0], offset)
  } catch (error) {
    if (isOutOfRange(error)) return new Map()
    throw error
  }
}

export const openLogReader = async (kafka: Kafka): Promise<LogReader> => {
  const cluster = openCluster(kafka)
  const fetched = new Map<string, ReadonlyMap<bigint, Message>>()
  const reached = async <T>(work: Promise<T>): Promise<T> => {
    try {
      return await work
    } catch (cause) {
      throw new SynclineError('unavailable', `The log of Kafka could not be read: ${messageOf(cause)}`, {
        cause,
        remedy: 'Check the brokers.',
      })
    }
  }
  await reached(cluster.connect())
  return {
    readAt: async (topic, partition, offset) => {
      const key = `${topic}/${partition}`
      const known = fetched.get(key)?.get(offset)
      if (known !== undefined) return known
      const messages = await reached(fetchFrom(cluster, topic, partition, offset))
      fetched.set(key, messages)
      return messages.get(offset)
    },
    close: () => cluster.disconnect(),
  }
}
