import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { SynclineError } from '../../../platform/errors.ts'
import { silentLogger } from '../../../platform/logger.ts'
import type { RedisConnection } from '../../../platform/redis.ts'
import { type Acquired, createLimiter, isUsable, type Limiter } from '../../../producers/limiter/limiter.ts'
import { observationArgs } from '../../../producers/limiter/observation.ts'
import { waitForPermit } from '../../../producers/limiter/wait.ts'

const policy = { requests: 100, periodMs: 20_000 }
const GRANTED = [1, 0, 'life', 0]

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** A limiter on a Redis that answers `acquire` as told and takes down the operations it was asked for. */
const scripted = (answer: () => Promise<unknown>) => {
  const asked: string[] = []
  const redis: RedisConnection = {
    call: () => Promise.reject(new Error('not used')),
    run(_script, _keys, [operation]) {
      asked.push(String(operation))
      return operation === 'acquire' ? answer() : Promise.resolve([])
    },
    close: () => undefined,
  }
  return { asked, redis, limiter: createLimiter({ redis, logger: silentLogger, keyPrefix: '', requestTimeoutMs: 30_000 }) }
}

const away = () => Promise.reject(new SynclineError('unavailable', 'Redis is away'))

test('a permit dies a second after it was asked for, however long Redis took', async () => {
  const { limiter } = scripted(async () => {
    vi.advanceTimersByTime(400)
    return GRANTED
  })
  const acquired = await limiter.acquire('acme/pco', { policy })
  if (acquired.kind === 'wait') throw new Error('No permit')
  vi.advanceTimersByTime(599)
  expect(isUsable(acquired.permit)).toBe(true)
  vi.advanceTimersByTime(1)
  expect(isUsable(acquired.permit)).toBe(false)
})

test('a permit that arrives dead is given back instead of handed out', async () => {
  const { limiter, asked } = scripted(async () => {
    vi.advanceTimersByTime(1_000)
    return GRANTED
  })
  expect((await limiter.acquire('acme/pco', { policy })).kind).toBe('wait')
  expect(asked).toEqual(['acquire', 'release'])
})

test('a permit whose answer was lost is given back', async () => {
  const { limiter, asked } = scripted(away)
  await expect(limiter.acquire('acme/pco', { policy })).rejects.toMatchObject({ code: 'unavailable' })
  expect(asked).toEqual(['acquire', 'release'])
})

test('a grant that Redis refuses as too late is a leap of its clock only if the answer came in time', async () => {
  const inTime = scripted(async () => [-1, 0, 'life', 5_000])
  await inTime.limiter.acquire('acme/pco', { policy })
  expect(inTime.asked).toEqual(['acquire', 'distrust'])

  const late = scripted(async () => {
    vi.advanceTimersByTime(1_000)
    return [-1, 0, 'life', 5_000]
  })
  await late.limiter.acquire('acme/pco', { policy })
  expect(late.asked).toEqual(['acquire'])
})

test('settling without Redis is not an error, as the slot frees by itself', async () => {
  const { limiter, redis } = scripted(away)
  redis.run = away
  await limiter.settle('acme/pco', { id: 'x', expiresAt: 0 }, {})
})

test('headers that make no sense are not obeyed', () => {
  expect(observationArgs({ limit: 0, periodMs: -1, count: Number.NaN, retryAfterMs: Number.NaN })).toEqual([1, '', '', '', ''])
  expect(observationArgs({ limit: 75.5, periodMs: 0.5, retryAfterMs: 1e12 })).toEqual([1, 75, '', '', 86_400_000])
  expect(observationArgs(null)).toEqual([0, '', '', '', ''])
})

/** A limiter that says wait `waits` times, then gives a permit. */
const waiting = (waits: number[]): Limiter & { readonly neverUsed: boolean[] } => {
  const neverUsed: boolean[] = []
  const acquire: Limiter['acquire'] = async (_credential, options): Promise<Acquired> => {
    neverUsed.push(options.neverUsed ?? false)
    const retryAfterMs = waits.shift()
    return retryAfterMs === undefined ? { kind: 'permit', permit: { id: 'x', expiresAt: 0 } } : { kind: 'wait', retryAfterMs }
  }
  const nothing = () => Promise.resolve()
  return { neverUsed, acquire, settle: nothing, release: nothing, announce: nothing }
}

test('waiting ends with a permit, and says only once that the credential was never used', async () => {
  vi.useRealTimers()
  const limiter = waiting([5, 5])
  const acquired = await waitForPermit(limiter, 'acme/pco', { policy, neverUsed: true, deadline: performance.now() + 5_000 })
  expect(acquired.kind).toBe('permit')
  expect(limiter.neverUsed).toEqual([true, false, false])
})

test('a wait beyond the deadline is not begun, and says when to come back', async () => {
  const acquired = await waitForPermit(waiting([5_000]), 'acme/pco', { policy, deadline: performance.now() + 4_000 })
  expect(acquired).toEqual({ kind: 'wait', retryAfterMs: 5_000 })
})

test('a wait ends when it is aborted', async () => {
  vi.useRealTimers()
  const abort = new AbortController()
  const waited = waitForPermit(waiting([60_000]), 'a/b', { policy, deadline: Number.POSITIVE_INFINITY, signal: abort.signal })
  abort.abort()
  await expect(waited).rejects.toMatchObject({ name: 'AbortError' })
})
