// How far a log reaches and how far a consumer group has come, partition by partition; asked of the brokers each time.
import type { Kafka } from 'kafkajs'
import { createAsker, unavailable } from './asking.ts'
import { openCluster, type TopicOffsets } from './kafkajs.ts'

/** Offsets by `topic/partition`. */
export type Offsets = ReadonlyMap<string, bigint>

export const partitionKey = (topic: string, partition: number): string => `${topic}/${partition}`

export interface LogOffsets {
  connect(): Promise<void>
  disconnect(): Promise<void>
  /** The first offset of each partition that is still there. */
  starts(topics: readonly string[]): Promise<Offsets>
  /** The offset that the next message of each partition gets. */
  ends(topics: readonly string[]): Promise<Offsets>
  /** Below it nothing will be delivered to the group (again): what it committed, or the log's start where that has gone past it. */
  positions(group: string, topics: readonly string[]): Promise<Offsets>
}

interface Log {
  readonly low: bigint
  readonly high: bigint
}

/** A commit beyond the end belongs to a log that is no more: the group begins at the start of this one. */
export const positionIn = ({ low, high }: Log, committed: bigint | undefined): bigint =>
  committed === undefined || committed < low || committed > high ? low : committed

const byPartition = (topics: readonly TopicOffsets[]): Map<string, bigint> =>
  new Map(
    topics.flatMap(({ topic, partitions }) =>
      partitions.map(({ partition, offset }): [string, bigint] => [partitionKey(topic, partition), BigInt(offset)]),
    ),
  )

/** Asks again while a partition has no leader, as those of a new topic at first; see asking.ts for how long, and for what it throws. */
export const createLogOffsets = (kafka: Kafka): LogOffsets => {
  const cluster = openCluster(kafka)
  const asker = createAsker(cluster)

  const placesIn = (topic: string) => {
    const partitions = cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => ({ partition: partitionId }))
    // Taken for one without anything to wait for, it would end waits that have only begun.
    if (partitions.length === 0) throw unavailable(`Kafka does not tell the partitions of ${topic}.`)
    return { topic, partitions }
  }

  /** `work` is given the partitions of each topic. */
  const ask = (
    topics: readonly string[],
    work: (places: readonly ReturnType<typeof placesIn>[]) => Promise<readonly TopicOffsets[]>,
  ): Promise<Map<string, bigint>> => asker.ask(topics, async () => byPartition(await work(topics.map(placesIn))))

  const bound = (topics: readonly string[], fromBeginning: boolean): Promise<Map<string, bigint>> =>
    ask(topics, (places) => cluster.fetchTopicsOffset(places.map((place) => ({ ...place, fromBeginning }))))

  const logs = async (topics: readonly string[]): Promise<ReadonlyMap<string, Log>> => {
    // In this order none begins after its end, whatever is deleted meanwhile.
    const lows = await bound(topics, true)
    const highs = await bound(topics, false)
    return new Map([...highs].map(([key, high]) => [key, { low: lows.get(key) ?? 0n, high }]))
  }

  const committed = async (group: string, topics: readonly string[]): Promise<Offsets> => {
    const found = await ask(topics, async (places) => {
      const coordinator = await cluster.findGroupCoordinator({ groupId: group })
      return (await coordinator.offsetFetch({ groupId: group, topics: places })).responses
    })
    for (const [key, offset] of found) if (offset < 0n) found.delete(key)
    return found
  }

  const each = (all: ReadonlyMap<string, Log>, offset: (log: Log, key: string) => bigint): Offsets =>
    new Map([...all].map(([key, log]) => [key, offset(log, key)]))

  return {
    connect: asker.connect,
    disconnect: asker.close,
    starts: async (topics) => each(await logs(topics), ({ low }) => low),
    ends: async (topics) => each(await logs(topics), ({ high }) => high),
    positions: async (group, topics) => {
      // Commits first: the ends read after them are none the smaller, so no commit looks as if it were beyond its log.
      const commits = await committed(group, topics)
      return each(await logs(topics), (log, key) => positionIn(log, commits.get(key)))
    },
  }
}
