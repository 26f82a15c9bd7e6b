// Single partitions read without a group: what is there, what retention has removed, and what a transaction has left at the end.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ensureTopics } from '../../platform/kafka/admin.ts'
import { createKafka } from '../../platform/kafka/client.ts'
import { type Look, openLook, withLook } from '../../platform/kafka/look.ts'
import { createProducer } from '../../platform/kafka/producer.ts'
import { encodeBatch } from '../../platform/kafka/record-batch.ts'
import { silentLogger } from '../../platform/logger.ts'
import { until } from '../harness/until.ts'
import { stackAddresses, topicPrefix } from './support.ts'

const kafka = createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger })
const topic = `${topicPrefix()}log`
const place = { topic, partition: 0 }
const nowhere = { topic: `${topic}-never-made`, partition: 0 }
let look: Look

beforeAll(async () => {
  await ensureTopics(kafka, [{ name: topic, partitions: 1, config: {} }])
  const producer = createProducer(kafka)
  await producer.connect()
  for (const text of ['a', 'b', 'c']) {
    await producer.send([{ topic, partitions: 1, messages: [{ key: text, value: Buffer.from(text), headers: { name: text } }] }])
  }
  await producer.disconnect()
  look = await openLook(kafka)
})

afterAll(() => look?.close())

const textAt = async (offset: bigint) => (await look.at(place, offset))?.value?.toString()

const readAll = async (by: Look, from: bigint, to: bigint): Promise<(string | null)[]> => {
  const keys: (string | null)[] = []
  for await (const messages of by.read(place, from, to)) keys.push(...messages.map(({ key }) => key))
  return keys
}

test('the message at a place, with its headers; none before it was written', async () => {
  expect(await textAt(1n)).toBe('b')
  expect(await look.at(place, 2n)).toMatchObject({ key: 'c', headers: { name: 'c' } })
  expect(await textAt(3n)).toBeUndefined()
  expect(await textAt(99n)).toBeUndefined()
})

test('how far a partition reaches, and where a moment stands in it', async () => {
  expect(await look.partitions(topic)).toEqual([0])
  expect(await look.bounds(place)).toEqual({ low: 0n, high: 3n })
  expect(await look.offsetAt(place, 0)).toBe(0n)
  expect(await look.offsetAt(place, Date.now() + 60_000)).toBe(3n)
  expect(await look.committed(`${topic}.nobody`, place)).toBeUndefined()
})

test('a topic that does not exist is told as such', async () => {
  expect(await look.partitions(nowhere.topic)).toEqual([])
  expect(await look.bounds(nowhere)).toBeUndefined()
  expect(await look.at(nowhere, 0n)).toBeUndefined()
})

test('what retention has removed is not there, its neighbours are; reading goes on behind it', async () => {
  const admin = kafka.admin()
  await admin.connect()
  // Its way to know the topic.
  await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({ topic, partitions: [{ partition: 0, offset: '2' }] })
  await admin.disconnect()
  await withLook(kafka, async (later) => {
    expect(await later.at(place, 1n)).toBeUndefined()
    expect((await later.at(place, 2n))?.value?.toString()).toBe('c')
    expect(await readAll(later, 0n, 3n)).toEqual(['c'])
  })
})

test('the marker of a transaction at the end is neither a message nor waited for', async () => {
  const producer = kafka.producer({ transactionalId: topic, maxInFlightRequests: 1, idempotent: true })
  await producer.connect()
  const transaction = await producer.transaction()
  const value = await encodeBatch([{ key: 'd', value: null, headers: {} }], Date.now(), false)
  await transaction.send({ topic, messages: [{ partition: 0, value }] })
  await transaction.abort()
  await producer.disconnect()
  // Ours are sent outside of the transaction; of it there is the marker alone, which the broker writes when it gets to it.
  const high = 5n
  await until('the marker is there', async () => (await look.bounds(place))?.high === high)
  expect(await readAll(look, 0n, high)).toEqual(['c', 'd'])
  expect(await look.at(place, 4n)).toBeUndefined()
})
