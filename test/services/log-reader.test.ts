// A single message is read by its place, and one that the log no longer has is told from one that it has.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureTopics } from '../../platform/kafka/admin.ts'
import { createKafka } from '../../platform/kafka/client.ts'
import { type LogReader, openLogReader } from '../../platform/kafka/log-reader.ts'
import { createProducer } from '../../platform/kafka/producer.ts'
import { silentLogger } from '../../platform/logger.ts'
import { stackAddresses, topicPrefix } from './support.ts'

const kafka = createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger })
const topic = `${topicPrefix()}log`
let reader: LogReader

beforeAll(async () => {
  await ensureTopics(kafka, [{ name: topic, partitions: 1, config: {} }])
  const producer = createProducer(kafka)
  await producer.connect()
  for (const text of ['a', 'b', 'c']) {
    await producer.send([{ topic, partitions: 1, messages: [{ key: text, value: Buffer.from(text), headers: { name: text } }] }])
  }
  await producer.disconnect()
  reader = await openLogReader(kafka)
})

afterAll(() => reader?.close())

const textAt = async (offset: bigint) => (await reader.readAt(topic, 0, offset))?.value?.toString()

test('the message at a place, with its headers; none before it was written', async () => {
  expect(await textAt(1n)).toBe('b')
  expect(await reader.readAt(topic, 0, 2n)).toMatchObject({ key: 'c', headers: { name: 'c' } })
  expect(await textAt(3n)).toBeUndefined()
  expect(await textAt(99n)).toBeUndefined()
})

test('what retention has removed is not there, its neighbours are', async () => {
  const admin = kafka.admin()
  await admin.connect()
  // Its way to know the topic.
  await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
  await admin.disconnect()
  const later = await openLogReader(kafka)
  try {
    expect(await later.readAt(topic, 0, 1n)).toBeUndefined()
    expect((await later.readAt(topic, 0, 2n))?.value?.toString()).toBe('c')
  } finally {
    await later.close()
  }
})
