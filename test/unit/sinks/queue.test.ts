import { describe, expect, test } from 'vitest'
import type { Batch } from '../../../platform/kafka/consumer.ts'
import { createQueue } from '../../../sinks/queue.ts'
import { createWake } from '../../../sinks/wake.ts'

const batch = (generation: number, bytes: number): Batch => ({
  topic: 'canonical.person',
  partition: 0,
  generation,
  messages: [{ offset: 0n, key: 'k', value: Buffer.alloc(bytes), headers: {} }],
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
  const queue = createQueue(maxBytes, valve, () => undefined)
  queue.reset(1)
  return { queue, valve }
}

describe('the queue', () => {
  test('stops the flow above its bytes and lets it go on below half of them', () => {
    const { queue, valve } = queueOf(100)
    for (let i = 0; i < 4; i++) queue.push(batch(1, 30))
    expect(valve.closed).toBe(true)
    queue.shift()
    queue.shift()
    expect(valve.closed).toBe(true)
    queue.shift()
    expect(valve.closed).toBe(false)
  })

  test('drops what was delivered under an older assignment, then and later', () => {
    const { queue, valve } = queueOf(100)
    queue.push(batch(1, 200))
    queue.reset(2)
    queue.push(batch(1, 10))
    expect(queue.shift()).toBeUndefined()
    expect(valve.closed).toBe(false)
    queue.push(batch(2, 10))
    expect(queue.shift()?.generation).toBe(2)
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
