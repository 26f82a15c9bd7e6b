// How far a log reaches and how far a consumer group has come, partition by partition; asked of the brokers each time.
import type { Kafka } from 'kafkajs'

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

export const createLogOffsets = (kafka: Kafka): LogOffsets => {
  const admin = kafka.admin()

  const logs = async (topics: readonly string[]): Promise<ReadonlyMap<string, Log>> => {
    const found = new Map<string, Log>()
    for (const topic of topics) {
      for (const { partition, low, high } of await admin.fetchTopicOffsets(topic))
        found.set(partitionKey(topic, partition), { low: BigInt(low), high: BigInt(high) })
    }
    return found
  }

  const committed = async (group: string, topics: readonly string[]): Promise<Offsets> => {
    const fetched = await admin.fetchOffsets({ groupId: group, topics: [...topics] })
    return new Map(
      fetched.flatMap(({ topic, partitions }) =>
        partitions.flatMap(({ partition, offset }): [string, bigint][] =>
          BigInt(offset) < 0n ? [] : [[partitionKey(topic, partition), BigInt(offset)]],
        ),
      ),
    )
  }

  const each = (all: ReadonlyMap<string, Log>, offset: (log: Log, key: string) => bigint): Offsets =>
    new Map([...all].map(([key, log]) => [key, offset(log, key)]))

  return {
    connect: () => admin.connect(),
    disconnect: () => admin.disconnect(),
    starts: async (topics) => each(await logs(topics), ({ low }) => low),
    ends: async (topics) => each(await logs(topics), ({ high }) => high),
    positions: async (group, topics) => {
      // Commits first: the ends read after them are none the smaller, so no commit looks as if it were beyond its log.
      const commits = await committed(group, topics)
      return each(await logs(topics), (log, key) => positionIn(log, commits.get(key)))
    },
  }
}
