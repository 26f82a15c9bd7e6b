// What a worker role is, and how a process runs several of them: start, restart after a crash, stop within a bound.
import { messageOf, SynclineError } from './errors.ts'
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
}

/** Runs `operation` until it succeeds, waiting while a service is away; says so once, and once when it is back. */
export const persist = async <T>(operation: () => Promise<T>, { what, log, signal, isAway }: PersistOptions): Promise<T> => {
  for (let attempt = 0; ; attempt++) {
    try {
      const result = await operation()
      if (attempt > 0) log.info({ service: what, attempts: attempt }, 'service is back, going on')
      return result
    } catch (error) {
      if (!isAway(error) || signal.aborted) throw error
      if (attempt === 0) log.warn({ service: what, reason: messageOf(error) }, 'service is away, waiting for it')
      await pause(backoffMs(attempt, { maxMs: 5_000 }), signal)
    }
  }
}

const MAX_CRASHES = 5
const CRASH_WINDOW_MS = 5 * 60_000

/** A role that ran this long before a service went away has been well: the outage is a new one, to be told. */
const WELL_AFTER_MS = 30_000

/**
 * Keeps one role running until the signal aborts. A role that ends because a service is away is started again until it is back;
 * any other end is a crash: throws after 5 of them in 5 minutes, naming the last reason.
 */
export const supervise = async (
  make: () => Role,
  { log, signal, isAway }: Pick<PersistOptions, 'log' | 'signal' | 'isAway'>,
): Promise<void> => {
  const crashes: number[] = []
  let outages = 0
  while (!signal.aborted) {
    const startedAt = performance.now()
    try {
      return await runUntilAborted(make(), log, signal)
    } catch (error) {
      if (signal.aborted) return
      if (performance.now() - startedAt > WELL_AFTER_MS) outages = 0
      if (isAway(error)) {
        if (outages++ === 0) log.warn({ reason: messageOf(error) }, 'a service is away, waiting for it')
        await pause(backoffMs(outages, { maxMs: 5_000 }), signal)
        continue
      }
      crashes.push(performance.now())
      while (crashes[0] !== undefined && crashes[0] < performance.now() - CRASH_WINDOW_MS) crashes.shift()
      log.error({ crashes: crashes.length, reason: messageOf(error), stack: stackOf(error) }, 'role crashed')
      if (crashes.length >= MAX_CRASHES) {
        throw new SynclineError('internal', `A worker role crashed ${MAX_CRASHES} times in 5 minutes: ${messageOf(error)}`, {
          cause: error,
          remedy: 'Read the log lines above, mend the cause and start the worker again; nothing is lost.',
        })
      }
      await pause(backoffMs(crashes.length, { baseMs: 500 }), signal)
    }
  }
}

const stackOf = (error: unknown): string | undefined => (error instanceof Error ? error.stack : undefined)

const runUntilAborted = async (role: Role, log: Logger, signal: AbortSignal): Promise<void> => {
  const aborted = new Promise<void>((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
  try {
    const started = role.start()
    await Promise.race([started, aborted])
    if (signal.aborted) {
      // Ends what the start waits for; what it has brought up meanwhile is stopped below.
      await role.stop()
      await started.catch(() => undefined)
    }
    await Promise.race([role.failed, aborted])
  } catch (error) {
    await role.stop().catch((e: unknown) => log.debug({ role: role.name, reason: messageOf(e) }, 'role did not stop cleanly'))
    throw error
  }
  await role.stop()
}
