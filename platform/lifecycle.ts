// What a worker role is, and how its parts wait: for a time, for a service that is away.
import { messageOf } from './errors.ts'
import type { Outages } from './health.ts'
import type { Logger } from './logger.ts'

export interface Role {
  readonly name: string
  start(): Promise<void>
  /** Finishes the batch in hand, commits, releases what it holds. */
  stop(): Promise<void>
  /** Rejects when the role cannot go on by itself; never resolves. */
  readonly failed: Promise<never>
}

/** A promise with its settlers outside; a rejection that nobody awaits yet is not an unhandled one. */
export const deferred = <T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } => {
  const { promise, resolve, reject } = withResolvers<T>()
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}

// Promise.withResolvers is not in Node 20.
const withResolvers = <T>() => {
  let resolve: (value: T) => void = () => undefined
  let reject: (error: unknown) => void = () => undefined
  const promise = new Promise<T>((ok, bad) => {
    resolve = ok
    reject = bad
  })
  return { promise, resolve, reject }
}

/** Resolves after `ms`, or at once when the signal aborts. Never rejects. */
export const pause = (ms: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal?.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal?.addEventListener('abort', done, { once: true })
  })

/** Exponential back-off with full jitter in its upper half: between half and all of min(base * 2^attempt, max). */
export const backoffMs = (attempt: number, { baseMs = 200, maxMs = 10_000, random = Math.random } = {}): number => {
  const ceiling = Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 16))
  return ceiling / 2 + random() * (ceiling / 2)
}

export interface PersistOptions {
  readonly what: string
  readonly log: Logger
  readonly signal: AbortSignal
  /** True for errors that mean "the service is away": these are waited out; any other is thrown. */
  readonly isAway: (error: unknown) => boolean
  /** Is told while the service is away. */
  readonly outages?: Outages | undefined
}

/** Runs `operation` until it succeeds, waiting while a service is away; says so once, and once when it is back. */
export const persist = async <T>(operation: () => Promise<T>, options: PersistOptions): Promise<T> => {
  const { what, log, signal, isAway, outages } = options
  let back: (() => void) | undefined
  try {
    for (let attempt = 0; ; attempt++) {
      try {
        const result = await operation()
        if (attempt > 0) log.info({ service: what, attempts: attempt }, 'service is back, going on')
        return result
      } catch (error) {
        if (!isAway(error) || signal.aborted) throw error
        if (attempt === 0) log.warn({ service: what, reason: messageOf(error) }, 'service is away, waiting for it')
        back ??= outages?.away(what)
        await pause(backoffMs(attempt, { maxMs: 5_000 }), signal)
      }
    }
  } finally {
    back?.()
  }
}
