// What is asked of the leader of a partition while there is none, or while it holds us back.
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { openLeader } from '../../../platform/kafka/leader.ts'
import { clientOf } from './client-of.ts'

const PLACE = { topic: 't', partition: 0 }
const EMPTY = { responses: [{ partitions: [{ messages: [], lastStableOffset: '7', abortedTransactions: [] }] }] }
const PUT_OFF = { responses: [] }

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A client whose cluster names these leaders, one after the other, and the last for ever; each fetch is answered by `answer`. */
const leaderOf = (leaders: readonly (string | undefined)[], answer: () => unknown) => {
  const asked = { refreshed: 0 }
  const cluster = {
    connect: async () => undefined,
    addMultipleTargetTopics: async () => undefined,
    refreshMetadata: async () => void asked.refreshed++,
    refreshMetadataIfNecessary: async () => undefined,
    findLeaderForPartitions: () => {
      const leader = leaders[Math.min(asked.refreshed, leaders.length - 1)]
      return leader === undefined ? {} : { [leader]: [0] }
    },
    findBroker: async () => ({ fetch: async () => answer() }),
  }
  return { asked, leader: openLeader(clientOf(cluster)) }
}

const settled = async <T>(work: Promise<T>): Promise<T> => {
  work.catch(() => undefined)
  await vi.runAllTimersAsync()
  return work
}

it('a partition without a leader is asked for again, then unavailable', async () => {
  const { asked, leader } = leaderOf([undefined], () => EMPTY)
  await expect(settled((await leader).fetch(PLACE, 0n))).rejects.toMatchObject({ code: 'unavailable' })
  expect(asked.refreshed).toBeGreaterThan(3)
})

it('a new leader answers for the old one', async () => {
  const { leader } = leaderOf([undefined, '2'], () => EMPTY)
  expect(await settled((await leader).fetch(PLACE, 5n))).toEqual({ messages: [], next: 5n, end: 7n })
})

it('an answer without the partition is no answer: a quota holds us back', async () => {
  const answers = [PUT_OFF, PUT_OFF, EMPTY]
  const { leader } = leaderOf(['1'], () => answers.shift())
  expect(await settled((await leader).fetch(PLACE, 5n))).toMatchObject({ end: 7n })
  expect(answers).toEqual([])
})

it('what the brokers answer, and that they do not answer, are told apart', async () => {
  const refuse = (type: string) => () => {
    throw Object.assign(new Error(type), { type })
  }
  const gone = leaderOf(['1'], refuse('OFFSET_OUT_OF_RANGE'))
  expect(await settled((await gone.leader).fetch(PLACE, 5n))).toBeUndefined()
  const denied = leaderOf(['1'], refuse('TOPIC_AUTHORIZATION_FAILED'))
  await expect(settled((await denied.leader).fetch(PLACE, 5n))).rejects.toMatchObject({ type: 'TOPIC_AUTHORIZATION_FAILED' })
})
