// Reading one partition: by offset, from here to there, by key, whatever retention, compaction and transactions have left of it.
import { describe, expect, it } from 'vitest'
import type { Delivery } from '../../../platform/kafka/leader.ts'
import { findByKey, type Place, readThrough } from '../../../platform/kafka/look.ts'
import type { Message } from '../../../platform/kafka/record-batch.ts'

const PLACE: Place = { topic: 't', partition: 0 }

const message = (offset: number, key: string): Message => ({
  offset: BigInt(offset),
  key,
  value: null,
  headers: {},
  timestamp: 0,
})

/** A partition of these keys from offset 0 on, delivered by twos; null: its record was compacted away, or is a marker. */
const partitionOf = (...keys: readonly (string | null)[]) => {
  const log = { low: 0n, high: BigInt(keys.length), fetches: 0, exists: true }
  const fetch = async (_: Place, from: bigint): Promise<Delivery | undefined> => {
    log.fetches++
    if (!log.exists || from < log.low || from > log.high) return undefined
    const until = from + 2n < log.high ? from + 2n : log.high
    const messages = keys.flatMap((key, at) => (key !== null && at >= from && at < until ? [message(at, key)] : []))
    return { messages, next: until, end: log.high }
  }
  const bounds = async () => (log.exists ? { low: log.low, high: log.high } : undefined)
  return { log, leader: { fetch, bounds }, bounds, ...readThrough({ fetch, bounds }) }
}

type Partition = ReturnType<typeof partitionOf>

const readAll = async ({ read }: Pick<Partition, 'read'>, from: number, to: number): Promise<number[]> => {
  const offsets: number[] = []
  for await (const messages of read(PLACE, BigInt(from), BigInt(to))) {
    expect(messages).not.toEqual([])
    offsets.push(...messages.map(({ offset }) => Number(offset)))
  }
  return offsets
}

describe('reading from here to there', () => {
  it('gives what is between, the end excluded', async () => {
    expect(await readAll(partitionOf('a', 'b', 'c', 'd', 'e'), 1, 4)).toEqual([1, 2, 3])
  })

  it('passes over what compaction has taken in the middle', async () => {
    expect(await readAll(partitionOf('a', null, null, null, null, 'f'), 0, 6)).toEqual([0, 5])
  })

  it('goes on where the log begins when retention has overtaken it, at the start and on the way', async () => {
    const partition = partitionOf('a', 'b', 'c', 'd', 'e', 'f', 'g')
    partition.log.low = 1n
    const offsets: number[] = []
    for await (const messages of partition.read(PLACE, 0n, 7n)) {
      offsets.push(...messages.map(({ offset }) => Number(offset)))
      partition.log.low = 5n
    }
    expect(offsets).toEqual([1, 2, 5, 6])
  })

  it('ends at once when retention has taken all of it', async () => {
    const partition = partitionOf('a', 'b', 'c')
    partition.log.low = 3n
    expect(await readAll(partition, 0, 3)).toEqual([])
    expect(partition.log.fetches).toBe(1)
  })

  it('ends after one answer when nothing is left though offsets are: the tail was compacted away', async () => {
    const { leader, log } = partitionOf('a', 'b', 'c', 'd')
    // No batch is left of the tail, not even an empty one: the leader cannot tell where to go on.
    const fetch = async (place: Place, from: bigint) => {
      if (from < 2n) return leader.fetch(place, from)
      log.fetches++
      return { messages: [], next: from, end: 4n }
    }
    expect(await readAll(readThrough({ ...leader, fetch }), 0, 4)).toEqual([0, 1])
    expect(log.fetches).toBe(2)
  })

  it('waits a little for the end to become readable, and not for ever', async () => {
    const { leader, log } = partitionOf('a', 'b', 'c', 'd')
    let visible = 2n
    const fetch = async (place: Place, from: bigint) => {
      if (from < visible) return leader.fetch(place, from)
      const end = visible
      log.fetches++
      if (log.fetches === 2) visible = 4n
      return { messages: [], next: from, end }
    }
    expect(await readAll(readThrough({ ...leader, fetch }), 0, 4)).toEqual([0, 1, 2, 3])
    expect(await readAll(readThrough({ ...leader, fetch }), 0, 9)).toEqual([0, 1, 2, 3])
  })

  it('ends when the log was cut off before it, and when the topic is gone', async () => {
    const partition = partitionOf('a', 'b')
    expect(await readAll(partition, 5, 9)).toEqual([])
    partition.log.exists = false
    expect(await readAll(partition, 0, 2)).toEqual([])
  })

  it('does not end silently when the leader cannot be asked', async () => {
    const away = new Error('no leader')
    const { read } = readThrough({ fetch: () => Promise.reject(away), bounds: async () => undefined })
    await expect(readAll({ read }, 0, 1)).rejects.toBe(away)
  })
})

describe('one message by its offset', () => {
  it('costs one request for a neighbourhood that is read in order', async () => {
    const partition = partitionOf('a', null, 'c', 'd')
    const found: (string | null | undefined)[] = []
    for (const offset of [0n, 1n, 2n, 3n]) found.push((await partition.at(PLACE, offset))?.key)
    expect(found).toEqual(['a', undefined, 'c', 'd'])
    expect(partition.log.fetches).toBe(2)
  })

  it('keeps the neighbourhoods of partitions apart', async () => {
    const partition = partitionOf('a', 'b')
    await partition.at(PLACE, 0n)
    await partition.at({ ...PLACE, partition: 1 }, 0n)
    await partition.at(PLACE, 1n)
    expect(partition.log.fetches).toBe(2)
  })

  it('what is not there yet is asked for again', async () => {
    const partition = partitionOf('a', 'b')
    partition.log.high = 1n
    expect(await partition.at(PLACE, 1n)).toBeUndefined()
    expect(await partition.at(PLACE, 2n)).toBeUndefined()
    partition.log.high = 2n
    expect(await partition.at(PLACE, 1n)).toMatchObject({ key: 'b' })
  })
})

describe('searching for a key', () => {
  it('finds the first message of the key that is accepted', async () => {
    const look = partitionOf('a', 'b', 'a', 'c', 'a')
    const search = await findByKey(look, PLACE, { key: 'a', from: 0n, limit: 100 }, ({ offset }) => offset > 0n)
    expect(search).toMatchObject({ found: { offset: 2n }, whole: true })
  })

  it('says that all was looked at when nothing was found to the end', async () => {
    const search = await findByKey(partitionOf('a', 'b', 'c'), PLACE, { key: 'd', from: 1n, limit: 100 })
    expect(search).toEqual({ found: undefined, looked: 2, whole: true })
  })

  it('says that not all was looked at when the bound came first', async () => {
    const search = await findByKey(partitionOf('a', 'b', 'c', 'd', 'e'), PLACE, { key: 'e', from: 0n, limit: 2 })
    expect(search).toEqual({ found: undefined, looked: 2, whole: false })
  })

  it('a bound that is reached with the last message has left nothing out', async () => {
    const search = await findByKey(partitionOf('a', 'b', 'c', 'd'), PLACE, { key: 'e', from: 0n, limit: 4 })
    expect(search).toEqual({ found: undefined, looked: 4, whole: true })
  })
})
