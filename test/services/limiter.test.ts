import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Logger, silentLogger } from '../../platform/logger.ts'
import { connectRedis, type RedisConnection } from '../../platform/redis.ts'
import {
  createLimiter,
  type Limiter,
  type LimiterOptions,
  type LimitPolicy,
  type Permit,
} from '../../producers/limiter/limiter.ts'
import { waitForPermit } from '../../producers/limiter/wait.ts'
import type { WorkClass } from '../../producers/limiter/work-class.ts'
import { ownRedis } from './own-redis.ts'
import { stackAddresses } from './support.ts'

const ORG = 'acme/pco'
const policy: LimitPolicy = { requests: 5, periodMs: 300 }

let redis: RedisConnection
beforeAll(async () => {
  redis = await connectRedis(stackAddresses().redis, silentLogger)
})
afterAll(() => redis.close())

/** A limiter with a prefix of its own, hence with a birth marker of its own: the life of its data begins now. */
const newborn = (options: Partial<LimiterOptions> = {}) => {
  const keyPrefix = `${randomUUID()}.`
  return {
    limiter: createLimiter({ redis, logger: silentLogger, keyPrefix, requestTimeoutMs: 200, permitLifeMs: 100, ...options }),
    keyPrefix,
  }
}

const take = async (limiter: Limiter, limit = policy, credential = ORG): Promise<Permit> => {
  const acquired = await limiter.acquire(credential, { policy: limit })
  if (acquired.kind === 'wait') throw new Error(`No permit, wait ${acquired.retryAfterMs} ms`)
  return acquired.permit
}

const waitMs = async (limiter: Limiter, limit = policy, credential = ORG): Promise<number> => {
  const acquired = await limiter.acquire(credential, { policy: limit })
  return acquired.kind === 'wait' ? acquired.retryAfterMs : 0
}

/** Takes permits until there are none. */
const drain = async (limiter: Limiter, limit = policy): Promise<Permit[]> => {
  const permits: Permit[] = []
  for (;;) {
    const acquired = await limiter.acquire(ORG, { policy: limit })
    if (acquired.kind === 'wait') return permits
    permits.push(acquired.permit)
  }
}

/** A never used connection whose first request the vendor has just answered; that request's slot is in the window. */
const answered = async (observation = {}, limit = policy, options: Partial<LimiterOptions> = {}) => {
  const { limiter, keyPrefix } = newborn(options)
  const first = await limiter.acquire(ORG, { policy: limit, neverUsed: true })
  if (first.kind === 'wait') throw new Error('A never used connection had to wait')
  await limiter.settle(ORG, first.permit, observation)
  return { limiter, keyPrefix }
}

describe('a window', () => {
  test('gives one permit until the vendor has answered, then all the rest at once', async () => {
    const { limiter } = newborn()
    const first = await limiter.acquire(ORG, { policy, neverUsed: true })
    expect(first.kind).toBe('permit')
    expect(await waitMs(limiter)).toBeGreaterThan(0)
    if (first.kind === 'permit') await limiter.settle(ORG, first.permit, {})
    expect(await drain(limiter)).toHaveLength(policy.requests - 1)
  })

  test('goes on with one permit at a time after a first request that timed out', async () => {
    const { limiter } = newborn()
    const first = await limiter.acquire(ORG, { policy, neverUsed: true })
    if (first.kind === 'permit') await limiter.settle(ORG, first.permit, null)
    expect(await drain(limiter)).toHaveLength(1)
  })

  test('frees a slot one period after its response, not earlier', async () => {
    const { limiter } = await answered()
    const permits = await drain(limiter)
    await sleep(100)
    const before = performance.now()
    for (const permit of permits) await limiter.settle(ORG, permit, {})
    const first = await waitForPermit(limiter, ORG, { policy, deadline: before + 2_000 })
    expect(first.kind).toBe('permit') // the slot of the first answer
    const second = await waitForPermit(limiter, ORG, { policy, deadline: before + 2_000 })
    expect(second.kind).toBe('permit')
    expect(performance.now() - before).toBeGreaterThanOrEqual(policy.periodMs)
    expect(performance.now() - before).toBeLessThan(100 + 200 + policy.periodMs) // when an unsettled one would have freed
  })

  test('keeps the slot of a killed worker for permit life, request time-out and period', async () => {
    const { limiter } = await answered({}, { requests: 2, periodMs: 300 })
    const before = performance.now()
    const killed = await take(limiter, { requests: 2, periodMs: 300 })
    expect(killed.expiresAt - before).toBeLessThanOrEqual(101)
    await sleep(310) // the first answer's slot is free again
    const used = await take(limiter, { requests: 2, periodMs: 300 })
    await limiter.settle(ORG, used, {})
    const next = await waitForPermit(limiter, ORG, { policy: { requests: 2, periodMs: 300 }, deadline: before + 2_000 })
    expect(next.kind).toBe('permit')
    expect(performance.now() - before).toBeGreaterThanOrEqual(100 + 200 + 300)
  })

  test('frees the slot of an unused permit at once', async () => {
    const { limiter } = await answered()
    const [permit] = await drain(limiter)
    if (permit) await limiter.release(ORG, permit)
    expect(await drain(limiter)).toHaveLength(1)
  })

  test('tells waiters when the oldest slot frees, or for slots in use how soon that can be', async () => {
    const limit = { requests: 1, periodMs: 300 }
    const { limiter } = await answered({}, limit)
    await sleep(100)
    const settled = await waitMs(limiter, limit)
    expect(settled).toBeGreaterThan(100)
    expect(settled).toBeLessThanOrEqual(200 + 25)
    await sleep(settled)
    await take(limiter, limit)
    const inUse = await waitMs(limiter, limit)
    expect(inUse).toBeGreaterThanOrEqual(300)
    expect(inUse).toBeLessThanOrEqual(300 + 25)
  })

  test('of one organisation is not that of another', async () => {
    const { limiter } = await answered()
    await drain(limiter)
    expect((await limiter.acquire('other/pco', { policy, neverUsed: true })).kind).toBe('permit')
    expect(await waitMs(limiter)).toBeGreaterThan(0)
  })
})

describe("the vendor's headers", () => {
  test('lower the limit at once, with permits out, and raise it again', async () => {
    const { limiter } = await answered({ limit: 4 })
    const permits = await drain(limiter)
    expect(permits).toHaveLength(3)
    const [one, two] = permits
    if (one) await limiter.settle(ORG, one, { limit: 2 })
    await limiter.release(ORG, two ?? fail())
    expect(await waitMs(limiter)).toBeGreaterThan(0) // three of two are out
    await sleep(650)
    const fresh = await drain(limiter)
    expect(fresh).toHaveLength(2)
    await limiter.settle(ORG, fresh[0] ?? fail(), { limit: 6 })
    expect(await drain(limiter)).toHaveLength(4)
  })

  test('that were overtaken by newer ones do not raise the limit', async () => {
    const { limiter } = await answered({ limit: 5 })
    const [early, late] = [await take(limiter), await take(limiter)]
    await sleep(5)
    await limiter.settle(ORG, late, { limit: 3 })
    await limiter.settle(ORG, early, { limit: 5 })
    expect(await waitMs(limiter)).toBeGreaterThan(0)
  })

  test('of a longer period hold back the slots that are already there', async () => {
    const { limiter } = await answered({}, { requests: 2, periodMs: 200 })
    const permit = await take(limiter, { requests: 2, periodMs: 200 })
    await limiter.settle(ORG, permit, { periodMs: 1_200 })
    expect(await waitMs(limiter)).toBeGreaterThan(700)
  })

  test('counting more than we sent occupy the slots that somebody else uses', async () => {
    const { limiter } = await answered({ count: 3 })
    expect(await drain(limiter)).toHaveLength(2)
  })

  test('counting what we sent occupy nothing, though the answer is late', async () => {
    const { limiter } = await answered()
    const slow = await take(limiter)
    const others = [await take(limiter), await take(limiter), await take(limiter)]
    for (const permit of others) await limiter.settle(ORG, permit, {})
    await sleep(310) // all but the slow one are free again; the vendor had counted them when it got the slow request
    await limiter.settle(ORG, slow, { count: 5 })
    expect(await drain(limiter)).toHaveLength(4)
  })

  test('saying Retry-After close the credential until then', async () => {
    const { limiter } = await answered({ retryAfterMs: 400 })
    const wait = await waitMs(limiter)
    expect(wait).toBeGreaterThan(350)
    await sleep(410)
    expect(await waitMs(limiter)).toBe(0)
  })
})

describe("Redis's memory", () => {
  test('is full for a known connection until every request before its birth has left the window, then empty', async () => {
    const { limiter } = newborn()
    // Born when it was announced, however late the answer comes.
    const before = performance.now()
    await limiter.announce()
    const wait = await waitMs(limiter)
    expect(wait).toBeGreaterThan(400)
    expect(wait).toBeLessThanOrEqual(300 + 100 + 200 + 25)
    expect((await waitForPermit(limiter, ORG, { policy, deadline: before + 2_000 })).kind).toBe('permit')
    expect(performance.now() - before).toBeGreaterThanOrEqual(590)
  })

  test('is empty at once for a connection said to be never used, also to those who asked before', async () => {
    const { limiter } = newborn({ requestTimeoutMs: 30_000, permitLifeMs: 1_000 })
    expect(await waitMs(limiter)).toBeLessThanOrEqual(2_000 + 25)
    const first = await limiter.acquire(ORG, { policy, neverUsed: true })
    if (first.kind === 'permit') await limiter.settle(ORG, first.permit, {})
    expect(await waitMs(limiter)).toBe(0)
  })

  test('is full for the period in force: a longer one told later counts from the birth, too', async () => {
    const { limiter } = newborn({ requestTimeoutMs: 10, permitLifeMs: 200 })
    const short = { requests: 5, periodMs: 50 }
    const first = await waitForPermit(limiter, ORG, { policy: short, deadline: performance.now() + 2_000 })
    if (first.kind === 'permit') await limiter.settle(ORG, first.permit, { periodMs: 1_000 })
    expect(await waitMs(limiter, short)).toBeGreaterThan(500)
  })

  test('is not full again when an idle window has gone, and keeps nothing of it', async () => {
    const { limiter, keyPrefix } = await answered({}, { requests: 2, periodMs: 100 })
    await expect.poll(() => redis.call('KEYS', `${keyPrefix}*`), { timeout: 5_000 }).toEqual([`${keyPrefix}limiter:birth`])
    expect(await waitMs(limiter)).toBe(0)
  })

  test('that may be evicted is warned of', async () => {
    const own = await ownRedis()
    await own.start()
    const connection = await connectRedis(own.url, silentLogger)
    const warned: unknown[] = []
    const logger: Logger = Object.assign(Object.create(silentLogger), { warn: (facts: unknown) => warned.push(facts) })
    const { limiter } = newborn({ redis: connection, logger })
    await limiter.announce()
    expect(warned).toEqual([])
    await connection.call('CONFIG', 'SET', 'maxmemory', '100mb')
    await connection.call('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru')
    await limiter.announce()
    expect(warned).toEqual([{ policy: 'volatile-lru' }])
    connection.close()
    await own.remove()
  })

  test('that came back from a snapshot is not trusted', async () => {
    // Long, so that the life before this one is not over while the test is held up.
    const { limiter, keyPrefix } = await answered({}, policy, { requestTimeoutMs: 30_000 })
    // As another server process has left it, an hour after its birth. (Of ours, a life may begin in the same millisecond as this one.)
    const [birth, window] = [`${keyPrefix}limiter:birth`, `${keyPrefix}limiter:${ORG}:window`]
    const bornAt = Number(await redis.call('HGET', birth, 'at')) - 3_600_000
    await redis.call('HSET', birth, 'run', 'another', 'at', bornAt)
    await redis.call('HSET', window, 'life', `another@${bornAt}`)
    expect(await waitMs(limiter)).toBeGreaterThan(400)
  })

  test('is not shaken by a clock that is set back: slots free neither earlier nor an hour later', async () => {
    const { limiter, keyPrefix } = await answered()
    await drain(limiter)
    const wait = await waitMs(limiter)
    await redis.call('HINCRBY', `${keyPrefix}limiter:birth`, 'ahead', -3_600_000)
    expect(Math.abs((await waitMs(limiter)) - wait)).toBeLessThan(250)
    await sleep(310)
    expect(await drain(limiter)).toHaveLength(1)
  })

  test('is full again when the clock leapt forward, as slots would free too early', async () => {
    const { limiter, keyPrefix } = await answered()
    const permits = await drain(limiter)
    await redis.call('HINCRBY', `${keyPrefix}limiter:birth`, 'ahead', 3_600_000)
    expect(await waitMs(limiter)).toBeGreaterThan(0)
    expect(await waitMs(limiter)).toBeGreaterThan(400)
    for (const permit of permits) await limiter.settle(ORG, permit, {})
    const next = await waitForPermit(limiter, ORG, { policy, deadline: performance.now() + 2_000 })
    expect(next.kind).toBe('permit')
  })
})

const fail = (): never => {
  throw new Error('No permit')
}

describe('classes of work', () => {
  const limit = { requests: 20, periodMs: 200 }

  /** Asks all the time, several at once, and answers at once; returns how many permits it got. */
  const saturate = async (limiter: Limiter, workClass: WorkClass, untilMs: number, of = limit): Promise<number> => {
    let granted = 0
    const ask = async (): Promise<void> => {
      while (performance.now() < untilMs) {
        const acquired = await waitForPermit(limiter, ORG, { policy: of, workClass, deadline: untilMs })
        if (acquired.kind === 'wait') return
        granted++
        await limiter.settle(ORG, acquired.permit, {})
      }
    }
    // So many that some wait at any time, however slow the machine.
    await Promise.all(Array.from({ length: 12 }, ask))
    return granted
  }

  // Of the larger one a part is kept for live work: it may not keep the others out for good. On a machine that is busy otherwise, who asks
  // comes too late for its turn now and then, and others have it.
  test.each([limit, { requests: 100, periodMs: 1_000 }])(
    'that all ask for more than %o share it by weight',
    { retry: 2 },
    async (of) => {
      const { limiter } = await answered({}, of)
      const until = performance.now() + 4_000
      const [live = 0, delta = 0, backfill = 0] = await Promise.all(
        (['live', 'delta', 'backfill'] as const).map((workClass) => saturate(limiter, workClass, until, of)),
      )
      const all = live + delta + backfill
      expect(all).toBeGreaterThan(0.7 * of.requests * (4_000 / of.periodMs))
      expect(live / all).toBeGreaterThan(0.42)
      expect(live / all).toBeLessThan(0.7)
      expect(delta / all).toBeGreaterThan(0.22)
      expect(delta / all).toBeLessThan(0.38)
      expect(backfill / all).toBeGreaterThan(0.06)
    },
  )

  describe('that are alone', () => {
    const of = { requests: 100, periodMs: 60_000 }
    const drained = async (limiter: Limiter, workClass: WorkClass, credential: string, limit = of) => {
      for (let n = 0; ; n++) {
        const acquired = await limiter.acquire(credential, { policy: limit, workClass, neverUsed: true })
        if (acquired.kind === 'wait') return n
        await limiter.settle(credential, acquired.permit, {})
      }
    }

    test('have 99 of 100 where there is no live work, which then has the rest', async () => {
      const { limiter } = newborn()
      expect(await drained(limiter, 'backfill', ORG)).toBe(99)
      expect(await drained(limiter, 'delta', ORG)).toBe(0)
      expect(await drained(limiter, 'live', ORG)).toBe(1)
    })

    test('have 59 of 60, for one slot is kept wherever it can be spared', async () => {
      const { limiter } = newborn()
      const sixty = { ...of, requests: 60 }
      expect(await drained(limiter, 'backfill', ORG, sixty)).toBe(59)
      expect(await drained(limiter, 'live', ORG, sixty)).toBe(1)
    })

    test('have 95 of 100 where there was some in the last hour', async () => {
      const { limiter } = await answered({}, of)
      expect(await drained(limiter, 'backfill', ORG)).toBe(94)
      expect(await drained(limiter, 'live', ORG)).toBe(5)
    })
  })

  test('let live work through within a fraction of a second while a backfill takes whatever there is', async () => {
    const { limiter } = await answered({}, limit)
    const until = performance.now() + 3_000
    const backfill = saturate(limiter, 'backfill', until)
    const waits: number[] = []
    while (performance.now() < until - 500) {
      const before = performance.now()
      const acquired = await waitForPermit(limiter, ORG, { policy: limit, deadline: until })
      waits.push(performance.now() - before)
      if (acquired.kind === 'permit') await limiter.settle(ORG, acquired.permit, {})
      await sleep(20)
    }
    expect(waits.length).toBeGreaterThan(10)
    expect(Math.max(...waits)).toBeLessThan(300)
    expect(await backfill).toBeGreaterThan(20)
  })

  test('lose one slot, for a second, to a waiter that does not come back', async () => {
    const tiny = { requests: 2, periodMs: 200 }
    const { limiter } = await answered({}, tiny)
    await take(limiter, tiny)
    expect(await waitMs(limiter, tiny)).toBeGreaterThan(0)
    const before = performance.now()
    const acquired = await waitForPermit(limiter, ORG, { policy: tiny, workClass: 'backfill', deadline: before + 5_000 })
    expect(acquired.kind).toBe('permit')
    expect(performance.now() - before).toBeLessThan(2_000)
  })
})
