// Offsets of topics that were made a moment ago: a broker knows the names of their partitions before it leads them.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureTopics } from '../../platform/kafka/admin.ts'
import { createKafka } from '../../platform/kafka/client.ts'
import { createLogOffsets } from '../../platform/kafka/offsets.ts'
import { createProducer } from '../../platform/kafka/producer.ts'
import { silentLogger } from '../../platform/logger.ts'
import { stackAddresses, topicPrefix } from './support.ts'

const PARTITIONS = 12
const prefix = topicPrefix()
const names = Array.from({ length: 20 }, (_, index) => `${prefix}new_${index}`)
const kafka = createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger })
const offsets = createLogOffsets(kafka)

beforeAll(() => offsets.connect())
afterAll(() => offsets.disconnect())

test('all partitions of new topics begin and end at 0, and a group that is new begins there', async () => {
  await ensureTopics(
    kafka,
    names.map((name) => ({ name, partitions: PARTITIONS, config: {} })),
  )
  const ends = await offsets.ends(names)
  expect(ends.size).toBe(names.length * PARTITIONS)
  expect(new Set([...ends.values(), ...(await offsets.starts(names)).values()])).toEqual(new Set([0n]))
  expect(await offsets.positions(`${prefix}group`, names)).toEqual(ends)
})

test('what is written moves the end of its partition alone', async () => {
  const [topic] = names as [string]
  const producer = createProducer(kafka)
  await producer.connect()
  await producer.send([{ topic, partitions: PARTITIONS, messages: [{ key: 'key', value: Buffer.from('one'), headers: {} }] }])
  await producer.disconnect()
  const moved = [...(await offsets.ends([topic]))].filter(([, end]) => end > 0n)
  expect(moved).toHaveLength(1)
  expect(moved[0]?.[1]).toBe(1n)
})

test('none of no topics', async () => {
  expect(await offsets.ends([])).toEqual(new Map())
  expect(await offsets.positions(`${prefix}group`, [])).toEqual(new Map())
})

test('a topic that does not exist is an error that names it as such', async () => {
  await expect(offsets.ends([`${prefix}nowhere`])).rejects.toMatchObject({ type: 'UNKNOWN_TOPIC_OR_PARTITION' })
})
