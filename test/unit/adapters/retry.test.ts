import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { ApiConnection, ApiRequest, ApiResponse, AuthProvider } from '../../../adapters/core/adapter.ts'
import { bearerToken, personalAccessToken } from '../../../adapters/core/auth.ts'
import { ApiError, FAILURES, type FailureKind, isBeforeSending, isNotCarriedOut } from '../../../adapters/core/errors.ts'
import { retryDelay, sendWithRetry } from '../../../adapters/core/retry.ts'
import { parseRetryAfter } from '../../../adapters/core/retry-after.ts'
import { SynclineError } from '../../../platform/errors.ts'

// The table is an object literal: its keys are its kinds.
const kinds = Object.keys(FAILURES) as FailureKind[]
const error = (kind: FailureKind, retryAfterMs?: number) =>
  new ApiError(kind, 'x', retryAfterMs === undefined ? {} : { rate: { retryAfterMs } })

describe('the delay before a retry', () => {
  it('rises, stays below its cap, and ends', () => {
    const delays = [1, 2, 3, 4, 5, 13, 14].map((attempt) => retryDelay(error('server'), attempt, () => 1))
    expect(delays).toEqual([500, 1000, 2000, 4000, 8000, 60_000, null])
    expect([1, 2, 3, 4].map((attempt) => retryDelay(error('bad-response'), attempt, () => 0))).toEqual([250, 500, 1000, null])
  })

  it('is never below a Retry-After, nor more than a tenth above it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 900_000 }), fc.double({ min: 0, max: 0.999, noNaN: true }), (ms, random) => {
        const delay = retryDelay(error('rate-limit', ms), 1, () => random)
        expect(delay).toBeGreaterThanOrEqual(ms)
        expect(delay).toBeLessThanOrEqual(ms * 1.1 + 1)
      }),
    )
  })

  it('is at least half a vendor’s usual period when a 429 does not say how long', () => {
    expect(retryDelay(error('rate-limit'), 1, () => 0)).toBe(10_000)
  })

  it('is none for what fails the same way again, and for our own faults', () => {
    for (const kind of kinds) {
      const isNever = FAILURES[kind].retry.kind === 'never'
      expect(retryDelay(error(kind), 1, () => 0.5) === null, kind).toBe(isNever)
    }
    expect(retryDelay(new SynclineError('internal', 'x'), 1, () => 0)).toBeNull()
    expect(retryDelay(new TypeError('x'), 1, () => 0)).toBeNull()
  })

  it('is zero, once, after a refresh', () => {
    expect([retryDelay(error('auth'), 1, () => 1), retryDelay(error('auth'), 2, () => 1)]).toEqual([0, null])
  })
})

describe('Retry-After', () => {
  it('never gives a time that cannot be waited for', () => {
    fc.assert(
      fc.property(fc.string(), fc.option(fc.string()), (value, date) => {
        const ms = parseRetryAfter(value, date, 0)
        expect(ms === undefined || (ms >= 0 && ms <= 900_000)).toBe(true)
      }),
    )
  })
})

describe('sending with retries', () => {
  const request: ApiRequest = { method: 'GET', path: '/x', query: {} }
  const ok: ApiResponse = { status: 200, headers: {}, body: Buffer.from('{}'), rate: { count: 1 } }
  const connectionOf = (...outcomes: (ApiError | ApiResponse)[]): ApiConnection & { sent: number } => ({
    sent: 0,
    async send() {
      const outcome = outcomes[Math.min(this.sent++, outcomes.length - 1)] ?? ok
      if (outcome instanceof Error) throw outcome
      return outcome
    },
    close: async () => undefined,
  })
  const auth = bearerToken('t')
  const read = ({ status }: ApiResponse) => status

  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())
  const settle = async <T>(sent: Promise<T>): Promise<T> => {
    sent.catch(() => undefined)
    await vi.runAllTimersAsync()
    return sent
  }

  it('ends with the first answer that can be read, asking for a permit each time', async () => {
    const connection = connectionOf(error('server'), error('rate-limit', 5_000), ok)
    const permit = vi.fn(async () => undefined)
    const observe = vi.fn()
    expect(await settle(sendWithRetry(connection, request, read, { auth, permit, observe }))).toBe(200)
    expect([connection.sent, permit.mock.calls.length]).toEqual([3, 3])
    expect(observe.mock.calls.map(([rate]) => rate)).toEqual([{}, { retryAfterMs: 5_000 }, { count: 1 }])
  })

  it('tries an answer that cannot be read a few times', async () => {
    const connection = connectionOf(ok)
    const unreadable = () => {
      throw error('bad-response')
    }
    await expect(settle(sendWithRetry(connection, request, unreadable, { auth }))).rejects.toMatchObject({ code: 'bad-response' })
    expect(connection.sent).toBe(4)
  })

  it('refreshes the credential once after a 401', async () => {
    const refresh = vi.fn(async () => true)
    const refreshing: AuthProvider = { ...auth, refresh }
    const connection = connectionOf(error('auth'))
    await expect(settle(sendWithRetry(connection, request, read, { auth: refreshing }))).rejects.toMatchObject({ code: 'auth' })
    expect([connection.sent, refresh.mock.calls.length]).toEqual([2, 1])
  })

  it('does not try again when the credential cannot be refreshed', async () => {
    const connection = connectionOf(error('auth'))
    await expect(settle(sendWithRetry(connection, request, read, { auth }))).rejects.toMatchObject({ code: 'auth' })
    expect(connection.sent).toBe(1)
  })

  it('repeats a POST only when it was certainly not carried out', async () => {
    for (const kind of kinds) {
      const connection = connectionOf(error(kind), ok)
      await settle(sendWithRetry(connection, { ...request, method: 'POST' }, read, { auth })).catch(() => undefined)
      expect(connection.sent > 1 && !isNotCarriedOut(error(kind)), kind).toBe(false)
    }
    const limited = connectionOf(error('rate-limit'), ok)
    expect(await settle(sendWithRetry(limited, { ...request, method: 'POST' }, read, { auth }))).toBe(200)
  })

  it('takes for unsent only what fails before a connection stands', () => {
    const codes = ['ENOTFOUND', 'EAI_AGAIN', 'ECONNREFUSED', 'CERT_HAS_EXPIRED', 'DEPTH_ZERO_SELF_SIGNED_CERT']
    expect(codes.filter((code) => !isBeforeSending(code))).toEqual([])
    const during = ['EHOSTUNREACH', 'EPROTO', 'ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC', 'ECONNRESET', 'EPIPE', undefined]
    expect(during.filter(isBeforeSending)).toEqual([])
  })

  it.each(['host', 'tls'] as const)('repeats a POST after %s only when nothing of it was sent', async (kind) => {
    for (const unsent of [true, false]) {
      const connection = connectionOf(new ApiError(kind, 'x', { unsent }), ok)
      await settle(sendWithRetry(connection, { ...request, method: 'POST' }, read, { auth })).catch(() => undefined)
      expect(connection.sent).toBe(unsent ? 2 : 1)
    }
  })

  it('stops waiting with the caller’s reason', async () => {
    const controller = new AbortController()
    const sent = sendWithRetry(connectionOf(error('server')), request, read, { auth, signal: controller.signal })
    sent.catch(() => undefined)
    await vi.advanceTimersByTimeAsync(1)
    const reason = new Error('stopping')
    controller.abort(reason)
    await expect(sent).rejects.toBe(reason)
  })
})

describe('credentials', () => {
  it('are Basic for a personal access token and Bearer for a token', async () => {
    expect(await personalAccessToken('app:secret').headers()).toEqual({ authorization: 'Basic YXBwOnNlY3JldA==' })
    expect(await bearerToken('abc').headers()).toEqual({ authorization: 'Bearer abc' })
  })

  it('that cannot be ones are refused without repeating them', () => {
    for (const make of [
      () => personalAccessToken('canary'),
      () => personalAccessToken('canary:'),
      () => bearerToken('canary\n'),
    ]) {
      expect(make).toThrow(expect.objectContaining({ code: 'config', message: expect.not.stringContaining('canary') }))
    }
  })
})
