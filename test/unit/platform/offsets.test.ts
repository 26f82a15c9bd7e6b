// Offsets asked for while brokers come and go, on the client's own cluster with the brokers' answers given by hand.
import { createRequire } from 'node:module'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createKafka } from '../../../platform/kafka/client.ts'
import { openCluster } from '../../../platform/kafka/kafkajs.ts'
import { createLogOffsets } from '../../../platform/kafka/offsets.ts'
import { silentLogger } from '../../../platform/logger.ts'
import { clientOf } from './client-of.ts'

const { KafkaJSConnectionError } = createRequire(import.meta.url)('kafkajs/src/errors.js')
const MINUTE_MS = 60_000

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

interface Metadata {
  readonly topicMetadata: readonly {
    readonly topic: string
    readonly partitionMetadata: readonly { readonly partitionId: number }[]
  }[]
}
const metadataOf = (partitions: readonly [topic: string, count: number][]): Metadata => ({
  topicMetadata: partitions.map(([topic, count]) => ({
    topic,
    partitionMetadata: Array.from({ length: count }, (_, partitionId) => ({ partitionId, leader: 1 })),
  })),
})

/** A broker that tells the partitions of its topics, and offset 7 for each, when it answers. */
const broker = (topics: Record<string, number>) => {
  const told = { failures: 0, asked: 0 }
  const cluster = openCluster(createKafka({ brokers: ['127.0.0.1:1'], clientId: 'test', log: silentLogger }))
  const pool: { metadata?: Metadata; metadataExpireAt?: number } = Reflect.get(cluster, 'brokerPool')
  Object.assign(pool, {
    refreshMetadata: async (wanted: readonly string[]) => {
      told.asked++
      if (told.failures-- > 0) throw new KafkaJSConnectionError('Connection error')
      Object.assign(pool, {
        metadata: metadataOf(wanted.map((topic) => [topic, topics[topic] ?? 0])),
        metadataExpireAt: Date.now() + 5 * MINUTE_MS,
      })
    },
  })
  Object.assign(cluster, {
    connect: async () => undefined,
    disconnect: async () => undefined,
    fetchTopicsOffset: async (of: readonly { topic: string; partitions: readonly { partition: number }[] }[]) =>
      of.map(({ topic, partitions }) => ({ topic, partitions: partitions.map(({ partition }) => ({ partition, offset: '7' })) })),
  })
  return { told, topics, offsets: createLogOffsets(clientOf(cluster)) }
}

const settled = async <T>(work: Promise<T>): Promise<T> => {
  work.catch(() => undefined)
  await vi.runAllTimersAsync()
  return work
}

test('a topic whose partitions are not told for a while is waited for: it never counts as one without any', async () => {
  const { told, offsets } = broker({ known: 1, next: 2 })
  await settled(offsets.ends(['known']))
  told.failures = 3
  expect(await settled(offsets.ends(['next']))).toEqual(
    new Map([
      ['next/0', 7n],
      ['next/1', 7n],
    ]),
  )
  expect(told.failures).toBeLessThan(0)
})

test('one that is never told is unavailable', async () => {
  const { told, offsets } = broker({ next: 2 })
  told.failures = Number.POSITIVE_INFINITY
  await expect(settled(offsets.ends(['next']))).rejects.toMatchObject({ code: 'unavailable' })
  const { offsets: empty } = broker({ next: 0 })
  await expect(settled(empty.ends(['next']))).rejects.toMatchObject({ code: 'unavailable' })
})

test('partitions that are added later are seen', async () => {
  const { topics, offsets } = broker({ grown: 1 })
  expect((await settled(offsets.ends(['grown']))).size).toBe(1)
  topics['grown'] = 3
  vi.advanceTimersByTime(6 * MINUTE_MS)
  expect((await settled(offsets.ends(['grown']))).size).toBe(3)
})

test('closed, it asks no more', async () => {
  const { told, offsets } = broker({ next: 2 })
  told.failures = Number.POSITIVE_INFINITY
  const asking = offsets.ends(['next'])
  asking.catch(() => undefined)
  await vi.advanceTimersByTimeAsync(1_000)
  await offsets.disconnect()
  await vi.advanceTimersByTimeAsync(15_000)
  const { asked } = told
  await expect(settled(asking)).rejects.toMatchObject({ code: 'unavailable' })
  expect(told.asked).toBe(asked)
})
