// A consumer that has nothing to do: it waits long for news, and is gone, or goes on, at once when it is told to.
import { beforeAll, expect, test } from 'vitest'
import { ensureTopics } from '../../platform/kafka/admin.ts'
import { createKafka } from '../../platform/kafka/client.ts'
import { type Consumer, createConsumer } from '../../platform/kafka/consumer.ts'
import { createProducer } from '../../platform/kafka/producer.ts'
import { silentLogger } from '../../platform/logger.ts'
import { until } from './installation.ts'
import { stackAddresses, topicPrefix } from './support.ts'

const WAIT_MS = 10_000
const AT_ONCE_MS = 4_000
const topic = `${topicPrefix()}quiet`
const kafka = () => createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger })

beforeAll(async () => {
  await ensureTopics(kafka(), [{ name: topic, partitions: 1, config: {} }])
})

const produce = async (value: string): Promise<void> => {
  const producer = createProducer(kafka())
  await producer.connect()
  await producer.send([{ topic, partitions: 1, messages: [{ key: 'key', value: Buffer.from(value), headers: {} }] }])
  await producer.disconnect()
}

const consume = async (received: string[]): Promise<Consumer> => {
  const options = { groupId: `${topic}.group`, topics: [topic], log: silentLogger, sessionTimeoutMs: 30_000, maxWaitMs: WAIT_MS }
  const consumer = createConsumer(kafka(), options, {
    onBatch: ({ messages }) => received.push(...messages.map(({ value }) => String(value))),
    onAssigned: () => undefined,
  })
  await consumer.start()
  return consumer
}

const tookMs = async (work: Promise<unknown>): Promise<number> => {
  const startedAt = performance.now()
  await work
  return performance.now() - startedAt
}

test('a consumer whose fetch waits for news stops at once, and has left its group', async () => {
  const first: string[] = []
  const before = await consume(first)
  await produce('one')
  await until('it receives', () => first.includes('one'))
  await until('its next fetch waits', () => before.report().silentMs > 500)
  expect(await tookMs(before.stop())).toBeLessThan(AT_ONCE_MS)
  // Were the first still a member, this one would wait for its session to end.
  const second: string[] = []
  const after = await consume(second)
  await until('another has its partition', () => second.includes('one'), AT_ONCE_MS)
  await after.stop()
})

test('a paused consumer takes nothing more and keeps its partitions beyond its session, gives way to others, and goes on at once', async () => {
  const held = `${topic}.held`
  await ensureTopics(kafka(), [{ name: held, partitions: 2, config: {} }])
  const producer = createProducer(kafka())
  await producer.connect()
  const send = async (...keys: readonly string[]) => {
    const messages = keys.map((key) => ({ key, value: Buffer.from(key), headers: {} }))
    await producer.send([{ topic: held, partitions: 2, messages }])
  }
  const member = (received: string[], isFull: () => boolean): Consumer => {
    const options = { groupId: `${held}.group`, topics: [held], log: silentLogger, sessionTimeoutMs: 6_000, maxWaitMs: WAIT_MS }
    const consumer = createConsumer(kafka(), options, {
      onBatch: ({ messages }) => {
        received.push(...messages.map(({ value }) => String(value)))
        if (isFull()) consumer.pause()
      },
      onAssigned: () => undefined,
    })
    return consumer
  }
  let isFull = true
  const first: string[] = []
  const before = member(first, () => isFull)
  await before.start()
  await send('a')
  await until('it receives', () => first.length > 0)
  await send('a')
  const since = performance.now()
  await until('its session would be over', () => performance.now() - since > 8_000)
  expect(first).toEqual(['a'])
  expect(before.report()).toMatchObject({ isPaused: true, generation: 1 })
  expect(before.report().silentMs).toBeLessThan(2_000)
  before.resume()
  await until('it goes on', () => first.length > 1, 1_000)
  await until('it is paused again', () => before.report().isPaused)

  const second: string[] = []
  const after = member(second, () => false)
  await after.start()
  await until('both have what is theirs', () => before.report().generation === 2 && after.report().generation === 1, AT_ONCE_MS)
  isFull = false
  before.resume()
  // A key for each partition, whichever is whose. What was not committed comes again.
  await send('a', 'b', 'c', 'd')
  await until('all is delivered', () => ['a', 'b', 'c', 'd'].every((key) => [...first, ...second].includes(key)))
  await Promise.all([before.stop(), after.stop(), producer.disconnect()])
})
