// Questions about one partition to the broker that leads it: what stands at an offset, how far the log reaches. No group is joined,
// nothing is committed and nothing is left behind. Each is asked again while Kafka is away; then SynclineError('unavailable').
import type { Kafka } from 'kafkajs'
import { createAsker, unavailable } from './asking.ts'
import { type Cluster, deliveredOf, type FetchedPartition, openCluster, receivedOf } from './kafkajs.ts'
import { type Message, readMessages } from './record-batch.ts'

export interface Place {
  readonly topic: string
  readonly partition: number
}

/** `low` is the oldest offset still there; `high` is the one that the next message will have. */
export interface Bounds {
  readonly low: bigint
  readonly high: bigint
}

export interface Delivery {
  readonly messages: readonly Message[]
  /** Where to go on; the offset that was asked for when nothing came. What is missing before it is gone for good. */
  readonly next: bigint
  /** All before it can be read, as the leader sees it. */
  readonly end: bigint
}

export interface Leader {
  /** None when there is no such topic. */
  partitions(topic: string): Promise<readonly number[]>
  /** Undefined: there is no such partition. */
  bounds(place: Place): Promise<Bounds | undefined>
  /** Offset of the first message that was written at or after `ms` (since 1970, by the broker's clock); the end when there is none. */
  offsetAt(place: Place, ms: number): Promise<bigint>
  /** Where a group is to go on; undefined: it has not been there. */
  committed(groupId: string, place: Place): Promise<bigint | undefined>
  /** What stands at the offset and after it, about a megabyte as stored; undefined: the log has no such offset. */
  fetch(place: Place, offset: bigint): Promise<Delivery | undefined>
  close(): Promise<void>
}

/** As stored: raw pages unfold to ten times as much. A single batch that is larger comes whole. */
const FETCH_BYTES = 1024 * 1024
const MAX_WAIT_MS = 500

const hasType = (error: unknown, ...types: readonly string[]): boolean =>
  error instanceof Error && 'type' in error && types.includes(String(error.type))

/** For what was asked and answered with one of these errors: there is none. */
const noneOn =
  (...types: readonly string[]) =>
  (error: unknown): undefined => {
    if (!hasType(error, ...types)) throw error
  }

const UNKNOWN = 'UNKNOWN_TOPIC_OR_PARTITION'
const OUT_OF_RANGE = 'OFFSET_OUT_OF_RANGE'

const deliveryOf = (fetched: FetchedPartition, from: bigint): Delivery => {
  const messages: Message[] = []
  for (const batch of deliveredOf(fetched)) readMessages(batch, from, messages)
  const last = fetched.messages.at(-1)
  const next = last === undefined ? from : receivedOf(last).lastOffset + 1n
  return { messages, next, end: BigInt(fetched.lastStableOffset) }
}

const fetchFrom = async (cluster: Cluster, { topic, partition }: Place, offset: bigint): Promise<Delivery> => {
  const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
  if (nodeId === undefined) throw unavailable(`Partition ${partition} of ${topic} has no leader.`)
  const broker = await cluster.findBroker({ nodeId })
  const partitions = [{ partition, fetchOffset: offset.toString(), maxBytes: FETCH_BYTES }]
  const { responses } = await broker.fetch({ maxWaitTime: MAX_WAIT_MS, maxBytes: FETCH_BYTES, topics: [{ topic, partitions }] })
  const fetched = responses[0]?.partitions[0]
  // So answers a broker that holds clients back by a quota.
  if (fetched === undefined) throw unavailable(`The leader of partition ${partition} of ${topic} put the answer off.`)
  return deliveryOf(fetched, offset)
}

/** Connects at once. */
export const openLeader = async (kafka: Kafka): Promise<Leader> => {
  const cluster = openCluster(kafka)
  const asker = createAsker(cluster)
  await asker.connect()
  const ask = <T>(topic: string, work: () => Promise<T>): Promise<T> => asker.ask([topic], work)

  const offsetOf = async ({ topic, partition }: Place, which: { fromBeginning: boolean } | { fromTimestamp: number }) => {
    const [found] = await cluster.fetchTopicsOffset([{ topic, partitions: [{ partition }], ...which }])
    const offset = found?.partitions[0]?.offset
    return offset === undefined ? undefined : BigInt(offset)
  }
  const endsOf = async (place: Place): Promise<Bounds | undefined> => {
    const low = await offsetOf(place, { fromBeginning: true })
    const high = await offsetOf(place, { fromBeginning: false })
    return low === undefined || high === undefined ? undefined : { low, high }
  }

  return {
    partitions: async (topic) => {
      const found = await ask(topic, async () => cluster.findTopicPartitionMetadata(topic)).catch(noneOn(UNKNOWN))
      return (found ?? []).map(({ partitionId }) => partitionId).sort((a, b) => a - b)
    },
    bounds: (place) => ask(place.topic, () => endsOf(place)).catch(noneOn(UNKNOWN)),
    offsetAt: (place, ms) =>
      ask(place.topic, async () => {
        // Below 0 are numbers that Kafka gives a meaning of its own.
        const offset = await offsetOf(place, { fromTimestamp: Math.max(0, ms) })
        return offset !== undefined && offset >= 0n ? offset : ((await endsOf(place))?.high ?? 0n)
      }),
    committed: (groupId, { topic, partition }) =>
      ask(topic, async () => {
        const coordinator = await cluster.findGroupCoordinator({ groupId })
        const { responses } = await coordinator.offsetFetch({ groupId, topics: [{ topic, partitions: [{ partition }] }] })
        const offset = BigInt(responses[0]?.partitions[0]?.offset ?? -1)
        return offset < 0n ? undefined : offset
      }),
    fetch: (place, offset) => ask(place.topic, () => fetchFrom(cluster, place, offset)).catch(noneOn(UNKNOWN, OUT_OF_RANGE)),
    close: asker.close,
  }
}
