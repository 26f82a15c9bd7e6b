// What topics hold and how far groups have read them, and a way to make their records vanish as retention or compaction would.
import { createKafka } from '../../platform/kafka/client.ts'
import { createLogOffsets } from '../../platform/kafka/offsets.ts'
import { silentLogger } from '../../platform/logger.ts'
import { until } from './until.ts'

/** Kafka's number for topics among resources; the client's own constant is a value of its module, which only platform/kafka loads. */
const TOPIC_RESOURCE = 2

export interface TopicRecords {
  /** Removes all that a topic holds, whatever its policy. */
  empty(topic: string): Promise<void>
  /** Records that were ever written to a topic. */
  produced(topic: string): Promise<bigint>
  /** Records of a topic that a group has committed. */
  committed(group: string, topic: string): Promise<bigint>
  /** A group without members takes the records of a topic again, all or those from `offsets` on, by partition. */
  rewind(group: string, topic: string, offsets?: ReadonlyMap<number, string>): Promise<void>
  /** How far each partition reaches. */
  ends(topic: string): Promise<ReadonlyMap<number, string>>
  close(): Promise<void>
}

export const openTopicRecords = async (brokers: string): Promise<TopicRecords> => {
  const kafka = createKafka({ brokers: [brokers], clientId: 'test', log: silentLogger })
  const [admin, offsets] = [kafka.admin(), createLogOffsets(kafka)]
  await Promise.all([admin.connect(), offsets.connect()])

  /** Tried until the broker has heard of the policy, which the controller alone answers for. */
  const remove = async (topic: string): Promise<void> => {
    // The admin would not wait for the leaders of a new topic; it is asked as well, for it deletes only from topics it knows.
    await offsets.ends([topic])
    const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => ({ partition, offset: high }))
    const removed = () =>
      admin.deleteTopicRecords({ topic, partitions }).then(
        () => true,
        () => false,
      )
    await until(`the records of ${topic} are deleted`, removed, 10_000)
  }

  const settings = async (topic: string): Promise<Setting[]> => {
    const { resources } = await admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: TOPIC_RESOURCE, name: topic, configNames: ['cleanup.policy', 'min.compaction.lag.ms'] }],
    })
    return (resources[0]?.configEntries ?? []).map(({ configName, configValue }) => ({ name: configName, value: configValue }))
  }

  const alter = (name: string, configEntries: Setting[]) =>
    admin.alterConfigs({ validateOnly: false, resources: [{ type: TOPIC_RESOURCE, name, configEntries }] })

  const ends = async (topic: string): Promise<ReadonlyMap<number, string>> =>
    new Map([...(await offsets.ends([topic]))].map(([key, end]) => [Number(key.slice(topic.length + 1)), String(end)]))

  return {
    empty: async (topic) => {
      const before = await settings(topic)
      // Brokers delete only where the policy says so.
      const isCompacted = before.some(({ name, value }) => name === 'cleanup.policy' && value !== 'delete')
      if (isCompacted) await alter(topic, [{ name: 'cleanup.policy', value: 'delete' }])
      await remove(topic)
      if (isCompacted) await alter(topic, before)
    },
    produced: async (topic) => [...(await ends(topic)).values()].reduce((sum, high) => sum + BigInt(high), 0n),
    ends,
    rewind: async (groupId, topic, offsets) => {
      const partitions = [...(await ends(topic)).keys()].map((partition) => ({
        partition,
        offset: offsets?.get(partition) ?? '0',
      }))
      await admin.setOffsets({ groupId, topic, partitions })
    },
    committed: async (groupId, topic) => {
      const [fetched] = await admin.fetchOffsets({ groupId, topics: [topic] })
      return (fetched?.partitions ?? []).reduce((sum, { offset }) => (BigInt(offset) < 0n ? sum : sum + BigInt(offset)), 0n)
    },
    close: async () => void (await Promise.all([admin.disconnect(), offsets.disconnect()])),
  }
}

interface Setting {
  readonly name: string
  readonly value: string
}
