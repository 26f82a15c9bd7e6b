// Roles that hang: one that is stuck gets a successor, one that does not stop is left behind in time.
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { RoleHealth } from '../../../platform/health.ts'
import { deferred, type Role } from '../../../platform/lifecycle.ts'
import { silentLogger } from '../../../platform/logger.ts'
import { STOP_MS, stopInOrder } from '../../../platform/stopping.ts'
import { supervise } from '../../../platform/supervise.ts'

const never = new Promise<never>(() => undefined)

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const roleOf = (part: Partial<Role> = {}): Role => ({
  name: 'sink',
  failed: never,
  start: async () => undefined,
  stop: async () => undefined,
  ...part,
})

const options = (signal: AbortSignal, health = new RoleHealth('sink')) => ({
  log: silentLogger,
  signal,
  isAway: (error: unknown) => error instanceof Error && error.message === 'away',
  serviceOf: () => 'Kafka',
  health,
})

describe('supervision', () => {
  test('starts a role again whose work makes no progress, though it does not even stop', async () => {
    const stopping = new AbortController()
    const health = new RoleHealth('sink')
    let made = 0
    const make = () => {
      const isFirst = made++ === 0
      health.watch({ hasWork: () => isFirst })
      return roleOf(isFirst ? { stop: () => never } : {})
    }
    const supervised = supervise(make, options(stopping.signal, health))
    await vi.advanceTimersByTimeAsync(4 * 60_000)
    expect([made, health.report().state]).toEqual([1, 'busy'])
    await vi.advanceTimersByTimeAsync(90_000)
    expect([made, health.report().state]).toEqual([2, 'idle'])
    stopping.abort()
    await supervised
  })

  test('says for which service it waits until the role is up again', async () => {
    const stopping = new AbortController()
    const health = new RoleHealth('sink')
    let isAway = true
    const start = async () => {
      if (isAway) throw new Error('away')
    }
    const supervised = supervise(() => roleOf({ start }), options(stopping.signal, health))
    await vi.advanceTimersByTimeAsync(20 * 60_000)
    expect(health.report()).toMatchObject({ state: 'waiting', for: 'Kafka' })
    isAway = false
    await vi.advanceTimersByTimeAsync(10_000)
    expect(health.report().state).toBe('idle')
    stopping.abort()
    await supervised
  })

  test('ends in time when a role stops for ever', async () => {
    const stopping = new AbortController()
    const supervised = supervise(() => roleOf({ stop: () => never }), options(stopping.signal))
    await vi.advanceTimersByTimeAsync(1_000)
    stopping.abort()
    const ended = vi.fn()
    supervised.then(ended)
    await vi.advanceTimersByTimeAsync(STOP_MS + 1_000)
    expect(ended).toHaveBeenCalled()
  })
})

describe('stopping in order', () => {
  test('leaves the consumer even when the batch in hand does not end', async () => {
    const consumer = vi.fn(async () => undefined)
    const stopped = stopInOrder('sink', silentLogger, [
      { what: 'the batch in hand', end: () => never },
      { what: 'the consumer', end: consumer },
    ])
    await vi.advanceTimersByTimeAsync(STOP_MS)
    await stopped
    expect(consumer).toHaveBeenCalledOnce()
  })

  test('waits for one step before the next, and goes on when one fails', async () => {
    const batch = deferred<void>()
    const [consumer, producer] = [vi.fn(async () => Promise.reject(new Error('gone'))), vi.fn(async () => undefined)]
    const stopped = stopInOrder('sink', silentLogger, [
      { what: 'the batch in hand', end: () => batch.promise },
      { what: 'the consumer', end: consumer },
      { what: 'the producer', end: producer },
    ])
    await vi.advanceTimersByTimeAsync(1_000)
    expect(consumer).not.toHaveBeenCalled()
    batch.resolve()
    await stopped
    expect(producer).toHaveBeenCalledOnce()
  })
})
