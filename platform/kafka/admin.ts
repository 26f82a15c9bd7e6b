// Creates the topics and verifies the settings of existing ones: a difference is named, never changed silently.
import type { Kafka } from 'kafkajs'
import { SynclineError } from '../errors.ts'
import { pause } from '../lifecycle.ts'
import { kafkajs } from './kafkajs.ts'

export interface TopicRequirement {
  readonly name: string
  readonly partitions: number
  readonly config: Readonly<Record<string, string>>
}

export interface TopicReport {
  readonly created: readonly string[]
  /** One sentence per setting that differs. */
  readonly differences: readonly string[]
  /** Partition count of every topic as it is. */
  readonly partitions: ReadonlyMap<string, number>
}

type Admin = ReturnType<Kafka['admin']>

const withAdmin = async <T>(kafka: Kafka, work: (admin: Admin) => Promise<T>): Promise<T> => {
  const admin = kafka.admin()
  await admin.connect()
  return work(admin).finally(() => admin.disconnect())
}

interface Found {
  readonly present: readonly TopicRequirement[]
  readonly missing: readonly TopicRequirement[]
}

const find = async (admin: Admin, wanted: readonly TopicRequirement[]): Promise<Found> => {
  const existing = new Set(await admin.listTopics())
  return {
    present: wanted.filter(({ name }) => existing.has(name)),
    missing: wanted.filter(({ name }) => !existing.has(name)),
  }
}

const partitionsOf = async (admin: Admin, wanted: readonly TopicRequirement[]): Promise<ReadonlyMap<string, number>> => {
  // Asked for none, a broker tells of all.
  if (wanted.length === 0) return new Map()
  const { topics } = await onceKnown(() => admin.fetchTopicMetadata({ topics: wanted.map(({ name }) => name) }))
  return new Map(topics.map((topic) => [topic.name, topic.partitions.length]))
}

/** Throws SynclineError('incompatible') when an existing topic has fewer partitions than 1 or another cleanup policy. */
export const ensureTopics = (kafka: Kafka, wanted: readonly TopicRequirement[], replication = -1): Promise<TopicReport> =>
  withAdmin(kafka, async (admin) => {
    const { present, missing } = await find(admin, wanted)
    if (missing.length > 0) {
      await admin.createTopics({
        waitForLeaders: false,
        topics: missing.map((topic) => ({
          topic: topic.name,
          numPartitions: topic.partitions,
          replicationFactor: replication,
          configEntries: Object.entries(topic.config).map(([name, value]) => ({ name, value })),
        })),
      })
    }
    const partitions = await partitionsOf(admin, wanted)
    const differences = await differencesOf(admin, present, partitions)
    const fatal = differences.filter((difference) => difference.includes('cleanup.policy'))
    if (fatal.length > 0) {
      throw new SynclineError('incompatible', fatal.join(' '), {
        remedy: 'Change the topic with kafka-configs, or choose another SYNCLINE_TOPIC_PREFIX.',
      })
    }
    return { created: missing.map((topic) => topic.name), differences, partitions }
  })

/** What is wanted and is not there, and what differs, a sentence each; changes nothing. */
export const inspectTopics = (
  kafka: Kafka,
  wanted: readonly TopicRequirement[],
): Promise<{ readonly missing: readonly string[]; readonly differences: readonly string[] }> =>
  withAdmin(kafka, async (admin) => {
    const { present, missing } = await find(admin, wanted)
    const differences = await differencesOf(admin, present, await partitionsOf(admin, present))
    return { missing: missing.map(({ name }) => name), differences }
  })

const KNOWN_WITHIN_MS = 15_000
const NOT_YET = new Set(['UNKNOWN_TOPIC_OR_PARTITION', 'LEADER_NOT_AVAILABLE'])

/** A busy broker answers that it does not know a topic which it has just created; the client's own waiting takes that for an end. */
const onceKnown = async <T>(ask: () => Promise<T>): Promise<T> => {
  const end = performance.now() + KNOWN_WITHIN_MS
  for (;;) {
    try {
      return await ask()
    } catch (error) {
      const isEarly = error instanceof Error && 'type' in error && NOT_YET.has(String(error.type))
      if (!isEarly || performance.now() > end) throw error
      await pause(100)
    }
  }
}

const differencesOf = async (
  admin: Admin,
  present: readonly TopicRequirement[],
  partitions: ReadonlyMap<string, number>,
): Promise<string[]> => {
  if (present.length === 0) return []
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: present.map((topic) => ({
      type: kafkajs.ConfigResourceTypes.TOPIC,
      name: topic.name,
      configNames: Object.keys(topic.config),
    })),
  })
  const actual = new Map(
    resources.map((r) => [r.resourceName, new Map(r.configEntries.map((e) => [e.configName, e.configValue]))]),
  )
  return present.flatMap((topic) => {
    const settings = Object.entries(topic.config).flatMap(([name, want]) => {
      const have = actual.get(topic.name)?.get(name)
      return have === want ? [] : [`Topic ${topic.name} has ${name}=${have ?? 'nothing'} and should have ${want}.`]
    })
    const count = partitions.get(topic.name)
    return count === topic.partitions
      ? settings
      : [...settings, `Topic ${topic.name} has ${count} partitions and should have ${topic.partitions}.`]
  })
}
