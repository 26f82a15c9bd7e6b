// Permits for requests to a vendor go out, what became of them comes back; all workers share one window per credential in Redis.
// Must hold: the vendor's limit is never exceeded, whoever dies, and is used nearly fully (invariant 7; the rules are in limiter.lua).
import { randomUUID } from 'node:crypto'
import { z } from 'zod'
import type { RateObservation } from '../../adapters/core/adapter.ts'
import { isSynclineError } from '../../platform/errors.ts'
import type { Logger } from '../../platform/logger.ts'
import { loadScript, type RedisConnection } from '../../platform/redis.ts'
import { createClockWatch } from './clock.ts'
import { observationArgs } from './observation.ts'
import type { WorkClass } from './work-class.ts'

const PERMIT_LIFE_MS = 1_000
/** Waiters for the same slot are spread over this time, so that they do not ask in one blow. */
const JITTER_MS = 20

const script = loadScript(new URL('./limiter.lua', import.meta.url))
const acquireReply = z.tuple([z.number(), z.number(), z.string(), z.number()])
const announceReply = z.tuple([z.string()])

/** The vendor's documented limit: at most `requests` in any `periodMs`. Its headers override it. */
export interface LimitPolicy {
  readonly requests: number
  readonly periodMs: number
}

/** The right to start one request before `expiresAt` (milliseconds of `performance.now()` of this process). */
export interface Permit {
  readonly id: string
  readonly expiresAt: number
}

export type Acquired =
  | { readonly kind: 'permit'; readonly permit: Permit }
  | { readonly kind: 'wait'; readonly retryAfterMs: number }

export interface AcquireOptions {
  readonly policy: LimitPolicy
  /** Default: live, as of one who waits for the answer. */
  readonly workClass?: WorkClass
  /** This credential has never been used: its window starts empty. Only for the one caller that has just taken down so. */
  readonly neverUsed?: boolean
}

/** `credential` names a connection, e.g. `org/source`; it is part of a key in Redis and must not be the secret. */
export interface Limiter {
  /** One attempt, never waiting for room. Throws SynclineError('unavailable') without Redis: then nothing may be sent. */
  acquire(credential: string, options: AcquireOptions): Promise<Acquired>
  /**
   * The response has arrived, or the request has timed out (`null`): the slot frees one period from now. Without Redis this does
   * nothing: the slot then frees later, by itself.
   */
  settle(credential: string, permit: Permit, observation: RateObservation | null): Promise<void>
  /** The permit was not used and will not be: the slot frees at once. Without Redis as `settle`. */
  release(credential: string, permit: Permit): Promise<void>
  /**
   * To be called when a worker starts: from now on Redis's memory counts as whole, so that the wait after its restart begins now
   * and not at the first request. Warns when this Redis may forget windows. Without Redis this does nothing.
   */
  announce(): Promise<void>
}

export interface LimiterOptions {
  readonly redis: RedisConnection
  readonly logger: Logger
  /** The installation's prefix: limiters with different prefixes do not know of each other. */
  readonly keyPrefix: string
  /** The total time after which every request has ended, equal in all workers: a lost permit holds its slot that much longer. */
  readonly requestTimeoutMs: number
  readonly permitLifeMs?: number
}

export const createLimiter = (options: LimiterOptions): Limiter => {
  const { redis, logger, requestTimeoutMs, permitLifeMs = PERMIT_LIFE_MS } = options
  const prefix = `${options.keyPrefix}limiter:`
  const clock = createClockWatch(permitLifeMs)

  const run = (operation: string, credential: string, permit: string, ...args: (string | number)[]): Promise<unknown> => {
    const keys = [`${prefix}birth`, `${prefix}${credential}:window`, `${prefix}${credential}:slots`]
    return redis.run(script, keys, [operation, permitLifeMs + requestTimeoutMs, permit, ...args])
  }

  const ask = async (credential: string, permit: Permit, { policy, neverUsed = false, workClass = 'live' }: AcquireOptions) => {
    const sentAt = permit.expiresAt - permitLifeMs
    const args = [policy.requests, policy.periodMs, neverUsed ? 1 : 0, ...clock.deadAt(sentAt), workClass]
    const [granted, waitMs, life, now] = acquireReply.parse(await run('acquire', credential, permit.id, ...args))
    clock.read(sentAt, life, now)
    return { granted, waitMs, life }
  }

  const releaseLater = (credential: string, permit: Permit): void => {
    run('release', credential, permit.id).catch(() => undefined) // in vain: the slot frees by itself
  }

  return {
    async acquire(credential, acquireOptions) {
      const permit = { id: randomUUID(), expiresAt: performance.now() + permitLifeMs }
      const { granted, waitMs, life } = await ask(credential, permit, acquireOptions).catch((error: unknown) => {
        releaseLater(credential, permit) // Redis may have granted it and only the answer was lost
        throw error
      })
      const usable = isUsable(permit)
      if (granted === 1 && usable) return { kind: 'permit', permit }
      if (granted === 1) releaseLater(credential, permit)
      if (granted === -1 && usable) {
        logger.warn('the clock of redis leapt forward, all rate-limit windows count as full')
        await run('distrust', credential, permit.id, life)
      }
      return { kind: 'wait', retryAfterMs: waitMs + Math.ceil(Math.random() * JITTER_MS) }
    },
    settle: (credential, permit, observation) =>
      withoutRedisNothing(run('settle', credential, permit.id, ...observationArgs(observation))),
    release: (credential, permit) => withoutRedisNothing(run('release', credential, permit.id)),
    announce: () => withoutRedisNothing(run('announce', '', '').then((reply) => warnOfEviction(reply, logger))),
  }
}

/** Whether a request may still be started with the permit; to be asked immediately before it is sent. */
export const isUsable = (permit: Permit): boolean => performance.now() < permit.expiresAt

/** An evicted window looks like an idle one: the limit would be exceeded. */
const warnOfEviction = (reply: unknown, logger: Logger): void => {
  const [policy] = announceReply.parse(reply)
  if (policy !== 'noeviction')
    logger.warn({ policy }, 'redis may evict rate-limit windows, set its maxmemory-policy to noeviction')
}

const withoutRedisNothing = async (sent: Promise<unknown>): Promise<void> => {
  await sent.catch((error: unknown) => {
    if (!isSynclineError(error, 'unavailable')) throw error
  })
}
