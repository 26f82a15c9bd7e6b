import { describe, expect, test } from 'vitest'
import type { Batch } from '../../../platform/kafka/consumer.ts'
import { createWake } from '../../../platform/wake.ts'
import { createQueue } from '../../../sinks/queue.ts'

const batch = (generation: number, bytes: number): Batch => ({
  topic: 'canonical.person',
  partition: 0,
  generation,
  messages: [{ offset: 0n, key: 'k', value: Buffer.alloc(bytes), headers: {}, timestamp: 0 }],
  nextOffset: 1n,
})

const queueOf = (maxBytes: number) => {
  const valve = {
    closed: false,
    pause: () => {
      valve.closed = true
    },
    resume: () => {
      valve.closed = false
    },
  }
  const queue = createQueue(maxBytes, ['canonical.person', 'canonical.email'], valve, () => undefined)
  queue.reset(1)
  return { queue, valve }
}

describe('the queue', () => {
  test('stops the flow above its bytes and lets it go on below half of them', () => {
    const { queue, valve } = queueOf(1_900)
    for (let i = 0; i < 4; i++) queue.push(batch(1, 30))
    expect(valve.closed).toBe(true)
    queue.shift()
    queue.shift()
    expect(valve.closed).toBe(true)
    queue.shift()
    expect(valve.closed).toBe(false)
  })

  test('counts what a message takes besides its value', () => {
    const { queue, valve } = queueOf(100_000)
    for (let i = 0; i < 1_000; i++) queue.push(batch(1, 1))
    expect(valve.closed).toBe(true)
  })

  test('drops what was delivered under an older assignment, then and later', () => {
    const { queue, valve } = queueOf(1_000)
    queue.push(batch(1, 800))
    expect(valve.closed).toBe(true)
    queue.reset(2)
    queue.push(batch(1, 10))
    expect(queue.shift()).toBeUndefined()
    expect(valve.closed).toBe(false)
    queue.push(batch(2, 10))
    expect(queue.shift()?.generation).toBe(2)
  })
})

describe('the order of the queue', () => {
  const delivery = (topic: string, partition: number, timestamps: readonly number[]): Batch => ({
    topic,
    partition,
    generation: 1,
    messages: timestamps.map((timestamp, n) => ({ offset: BigInt(n * 2), key: 'k', value: null, headers: {}, timestamp })),
    nextOffset: BigInt(timestamps.length * 2),
  })
  const drain = (queue: ReturnType<typeof queueOf>['queue']): Batch[] => {
    const next = queue.shift()
    return next === undefined ? [] : [next, ...drain(queue)]
  }

  test('is that of production across partitions, parents first among equals', () => {
    const { queue } = queueOf(1_000)
    queue.push(delivery('canonical.email', 0, [5]))
    queue.push(delivery('canonical.email', 1, [3]))
    queue.push(delivery('canonical.person', 0, [5]))
    expect(drain(queue).map(({ topic, partition }) => `${topic}/${partition}`)).toEqual([
      'canonical.email/1',
      'canonical.person/0',
      'canonical.email/0',
    ])
    expect(queue.isEmpty).toBe(true)
  })

  test('keeps that of each partition: pieces of a delivery follow each other without a gap', () => {
    const { queue } = queueOf(1_000)
    const long = delivery(
      'canonical.email',
      0,
      Array.from({ length: 1_200 }, () => 7),
    )
    queue.push(long)
    queue.push(delivery('canonical.person', 0, [7]))
    const pieces = drain(queue).filter(({ topic }) => topic === 'canonical.email')
    expect(pieces.length).toBeGreaterThan(1)
    expect(pieces.flatMap(({ messages }) => messages)).toEqual(long.messages)
    for (const [n, piece] of pieces.entries()) {
      expect(piece.nextOffset).toBe(pieces[n + 1]?.messages[0]?.offset ?? long.nextOffset)
    }
  })
})

describe('a wake-up', () => {
  test('that comes before the sleep is kept', async () => {
    const { sleep, wake } = createWake()
    wake()
    await sleep()
  })

  test('ends a sleep, and so does its time', async () => {
    const { sleep, wake } = createWake()
    const sleeping = sleep(60_000)
    wake()
    await sleeping
    await sleep(1)
  })
})
