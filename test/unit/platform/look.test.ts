// Searching one partition for a key: from an offset on, to the end as it was, within a bound.
import { expect, it } from 'vitest'
import { findByKey, type Look, type Place } from '../../../platform/kafka/look.ts'
import type { Message } from '../../../platform/kafka/record-batch.ts'

const PLACE: Place = { topic: 't', partition: 0 }

const message = (offset: number, key: string): Message => ({
  offset: BigInt(offset),
  key,
  value: null,
  headers: {},
  timestamp: 0,
})

/** A partition of these keys from offset 0 on, delivered by twos. */
const partitionOf = (...keys: readonly string[]): Look => ({
  bounds: async () => ({ low: 0n, high: BigInt(keys.length) }),
  offsetAt: async () => 0n,
  committed: async () => undefined,
  at: async () => undefined,
  read: async function* (_, from, to) {
    for (let at = Number(from); at < Number(to); at += 2) {
      yield keys.slice(at, at + 2).map((key, i) => message(at + i, key))
    }
  },
  close: async () => undefined,
})

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
