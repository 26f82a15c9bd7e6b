// A whole topic, read once: what is read of each partition, and how far back it reaches.
import { expect, it } from 'vitest'
import type { Bounds } from '../../../platform/kafka/leader.ts'
import type { Look, Place } from '../../../platform/kafka/look.ts'
import { scanTopic } from '../../../platform/kafka/scan.ts'

/** A topic with one message per offset, written in the second of its number. */
const topicOf = (...partitions: readonly Bounds[]): Look => {
  const boundsOf = ({ partition }: Place) => partitions[partition] ?? { low: 0n, high: 0n }
  return {
    partitions: async () => partitions.map((_, partition) => partition),
    bounds: async (place) => boundsOf(place),
    offsetAt: async (place, ms) => {
      const { low, high } = boundsOf(place)
      const at = BigInt(ms) / 1000n
      return at < low ? low : at > high ? high : at
    },
    read: async function* (_, from, to) {
      for (let offset = from; offset < to; offset++)
        yield [{ offset, key: null, value: null, headers: {}, timestamp: Number(offset) * 1000 }]
    },
    committed: async () => undefined,
    at: async () => undefined,
    fetch: async () => undefined,
    close: async () => undefined,
  }
}

const scan = async (look: Look, sinceMs?: number) => {
  const read: string[] = []
  const reach = await scanTopic(look, { topic: 't', sinceMs }, async (partition, messages) => {
    read.push(...messages.map(({ offset }) => `${partition}/${offset}`))
  })
  return { reach, read }
}

it('reads each partition from its beginning to the end that it has', async () => {
  const { reach, read } = await scan(topicOf({ low: 1n, high: 3n }, { low: 0n, high: 0n }, { low: 7n, high: 8n }))
  expect(read).toEqual(['0/1', '0/2', '2/7'])
  expect(reach).toEqual([
    { partition: 0, oldestOffset: 1n, oldestAt: 1_000, from: 1n, to: 3n },
    { partition: 1, oldestOffset: 0n, oldestAt: null, from: 0n, to: 0n },
    { partition: 2, oldestOffset: 7n, oldestAt: 7_000, from: 7n, to: 8n },
  ])
})

it('from a moment on; how far back it reaches is told all the same', async () => {
  const { reach, read } = await scan(topicOf({ low: 1n, high: 9n }), 7_000)
  expect(read).toEqual(['0/7', '0/8'])
  expect(reach).toEqual([{ partition: 0, oldestOffset: 1n, oldestAt: 1_000, from: 7n, to: 9n }])
})

it('says so when there is no such topic', async () => {
  await expect(scan(topicOf())).rejects.toMatchObject({ code: 'usage' })
})
