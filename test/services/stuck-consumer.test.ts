// A consumer that is connected and in its group but gets no answer to its fetches: found, ended, and another takes its place.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { RoleHealth } from '../../platform/health.ts'
import { ensureTopics } from '../../platform/kafka/admin.ts'
import { createKafka, isKafkaAway } from '../../platform/kafka/client.ts'
import { createConsumer } from '../../platform/kafka/consumer.ts'
import { kafkajs } from '../../platform/kafka/kafkajs.ts'
import { createProducer } from '../../platform/kafka/producer.ts'
import type { Role } from '../../platform/lifecycle.ts'
import { silentLogger } from '../../platform/logger.ts'
import { HEALTH_LIMITS } from '../../platform/role-state.ts'
import { supervise } from '../../platform/supervise.ts'
import { type FetchDropper, startFetchDropper } from './fetch-dropper.ts'
import { until } from './installation.ts'
import { stackAddresses, topicPrefix } from './support.ts'

const topic = `${topicPrefix()}stuck`
const stopping = new AbortController()
const received: string[] = []
let dropper: FetchDropper
let supervised: Promise<void> | undefined

const direct = () => createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger })

beforeAll(async () => {
  dropper = await startFetchDropper(stackAddresses().kafka)
  await ensureTopics(direct(), [{ name: topic, partitions: 1, config: {} }])
})

afterAll(async () => {
  stopping.abort()
  await supervised
  await dropper?.close()
})

const produce = async (value: string): Promise<void> => {
  const producer = createProducer(direct())
  await producer.connect()
  await producer.send([{ topic, partitions: 1, messages: [{ key: 'key', value: Buffer.from(value), headers: {} }] }])
  await producer.disconnect()
}

test('a consumer whose fetches are not answered is found and replaced, and nothing is left out', async () => {
  const health = new RoleHealth('sink', { limits: { ...HEALTH_LIMITS, silenceMs: 1_500, stuckMs: 4_000 } })
  const { socketFactory } = dropper
  const kafka = new kafkajs.Kafka({ brokers: [stackAddresses().kafka], socketFactory, logLevel: kafkajs.logLevel.NOTHING })
  const make = (): Role => {
    const consumer = createConsumer(
      kafka,
      { groupId: `${topic}.group`, topics: [topic], log: silentLogger, sessionTimeoutMs: 6_000 },
      {
        onBatch: (batch) => received.push(...batch.messages.map(({ value }) => String(value))),
        onAssigned: () => undefined,
      },
    )
    health.watch({ hasWork: () => false, consumer: consumer.report })
    return { name: 'sink', failed: consumer.failed, start: consumer.start, stop: consumer.stop }
  }
  supervised = supervise(make, { log: silentLogger, signal: stopping.signal, isAway: isKafkaAway, health })

  await produce('before')
  await until('the consumer receives', () => received.includes('before'))
  expect(health.report()).toMatchObject({ state: 'idle', restarts: 0 })

  dropper.isDropping = true
  await produce('meanwhile')
  await until('it is said to wait for Kafka', () => health.report().state === 'waiting')
  expect(health.report().for).toBe('Kafka')
  await until('it is said to be stuck', () => health.report().state === 'stuck', 10_000)
  expect(health.report().reason).toMatch(/no answer to a fetch/)
  await until('another takes its place', () => health.report().restarts > 0, 15_000)
  expect(dropper.dropped).toBeGreaterThan(0)
  expect(received).not.toContain('meanwhile')

  dropper.isDropping = false
  await until('the other receives', () => received.includes('meanwhile'), 60_000)
  await until('it is well', () => health.report().state === 'idle')
})
