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

/** Throws SynclineError('incompatible') when an existing topic has fewer partitions than 1 or another cleanup policy. */
export const ensureTopics = async (kafka: Kafka, wanted: readonly TopicRequirement[], replication = -1): Promise<TopicReport> => {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const existing = new Set(await admin.listTopics())
    const missing = wanted.filter((topic) => !existing.has(topic.name))
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
    const present = wanted.filter((topic) => existing.has(topic.name))
    const { topics } = await onceKnown(() => admin.fetchTopicMetadata({ topics: wanted.map((topic) => topic.name) }))
    const partitions = new Map(topics.map((topic) => [topic.name, topic.partitions.length]))
    const differences = present.length === 0 ? [] : await differencesOf(admin, present, partitions)
    const fatal = differences.filter((difference) => difference.includes('cleanup.policy'))
    if (fatal.length > 0) {
      throw new SynclineError('incompatible', fatal.join(' '), {
        remedy: 'Change the topic with kafka-configs, or choose another SYNCLINE_TOPIC_PREFIX.',
      })
    }
    return { created: missing.map((topic) => topic.name), differences, partitions }
  } finally {
    await admin.disconnect()
  }
}

/** What is wanted and is not there, and what differs, a sentence each; changes nothing. */
export const inspectTopics = async (
  kafka: Kafka,
  wanted: readonly TopicRequirement[],
): Promise<{ readonly missing: readonly string[]; readonly differences: readonly string[] }> => {
  const admin = kafka.admin()
  await admin.connect()
  try {
    const existing = new Set(await admin.listTopics())
    const present = wanted.filter(({ name }) => existing.has(name))
    const missing = wanted.filter(({ name }) => !existing.has(name)).map(({ name }) => name)
    if (present.length === 0) return { missing, differences: [] }
    const { topics } = await admin.fetchTopicMetadata({ topics: present.map(({ name }) => name) })
    const partitions = new Map(topics.map((topic) => [topic.name, topic.partitions.length]))
    return { missing, differences: await differencesOf(admin, present, partitions) }
  } finally {
    await admin.disconnect()
  }
}

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
  admin: ReturnType<Kafka['admin']>,
  present: readonly TopicRequirement[],
  partitions: ReadonlyMap<string, number>,
): Promise<string[]> => {
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
