// The connection to Redis: a URL goes in, commands and scripts come out; the only importer of ioredis. It reconnects for ever.
// No command is ever queued or sent twice: without Redis it fails at once, and the caller decides what waiting means.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Redis, ReplyError } from 'ioredis'
import { messageOf, SynclineError } from './errors.ts'
import type { Outages } from './health.ts'
import type { Logger } from './logger.ts'

const FIRST_RETRY_MS = 50
const LAST_RETRY_MS = 2_000
/** Redis says this, scripts in the middle of their message, when it is there and cannot serve: loading, read-only, out of memory. */
const CANNOT_SERVE = /(^|[ :-])(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN|OOM|MISCONF|BUSY|NOREPLICAS)\b/
const NOT_ALLOWED = /^(NOAUTH|WRONGPASS|NOPERM)\b/

export interface RedisScript {
  readonly source: string
  readonly sha: string
}

export interface RedisConnection {
  /** Sends one command. Throws SynclineError: 'unavailable' while Redis is away, 'config' when it refuses us, else 'internal'. */
  call(command: string, ...args: (string | number)[]): Promise<unknown>
  /** Runs a Lua script, sending its source only when this Redis does not know it. Errors as `call`. */
  run(script: RedisScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>
  close(): void
}

export interface RedisConnectOptions {
  /** How long a command may take, then it fails; Redis may still have done it. */
  readonly commandTimeoutMs?: number
  /** How long to wait for the first connection before going on without it. */
  readonly patienceMs?: number
  /** Is told while Redis is away. */
  readonly outages?: Outages
}

/** Reads a .lua file beside the code: `loadScript(new URL('./limiter.lua', import.meta.url))`. */
export const loadScript = (file: URL): RedisScript => {
  const source = readFileSync(file, 'utf8')
  return { source, sha: createHash('sha1').update(source).digest('hex') }
}

/** Connects; returns once Redis answers, or after `patienceMs` without it: the connection then comes up by itself later. */
export const connectRedis = async (url: string, logger: Logger, options: RedisConnectOptions = {}): Promise<RedisConnection> => {
  const commandTimeoutMs = options.commandTimeoutMs ?? 2_000
  const redis = new Redis(checkedUrl(url), {
    lazyConnect: true,
    connectTimeout: commandTimeoutMs,
    commandTimeout: commandTimeoutMs,
    socketTimeout: 3 * commandTimeoutMs, // a half-open connection is noticed by its silence
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: retryDelayMs,
    disableClientInfo: true,
  })
  const stopReporting = reportAwayAndBack(redis, logger, options.outages)
  await firstReady(redis, options.patienceMs ?? 2_000)
  return {
    call: (command, ...args) => guarded(() => redis.call(command, ...args)),
    run: (script, keys, args) => guarded(() => runScript(redis, script, keys, args)),
    close() {
      stopReporting()
      redis.disconnect()
    },
  }
}

/** Milliseconds before the n-th attempt to reconnect (n from 1): doubling, and spread so that workers do not return in one blow. */
const retryDelayMs = (attempt: number): number => {
  const delayMs = Math.min(FIRST_RETRY_MS * 2 ** Math.min(attempt - 1, 10), LAST_RETRY_MS)
  return Math.round(delayMs * (0.75 + Math.random() / 4))
}

const runScript = async (redis: Redis, script: RedisScript, keys: readonly string[], args: readonly (string | number)[]) => {
  try {
    return await redis.evalsha(script.sha, keys.length, ...keys, ...args)
  } catch (error) {
    if (!messageOf(error).startsWith('NOSCRIPT')) throw error
    return await redis.eval(script.source, keys.length, ...keys, ...args)
  }
}

const guarded = async (send: () => Promise<unknown>): Promise<unknown> => {
  try {
    return await send()
  } catch (error) {
    throw redisError(error)
  }
}

const redisError = (cause: unknown): SynclineError => {
  const message = messageOf(cause)
  if (NOT_ALLOWED.test(message))
    return new SynclineError('config', `Redis refused us: ${message}`, {
      remedy: 'Check user and password in SYNCLINE_REDIS_URL',
      cause,
    })
  if (cause instanceof ReplyError && !CANNOT_SERVE.test(message))
    return new SynclineError('internal', `Redis answered with an error: ${message}`, { cause })
  return new SynclineError('unavailable', `Redis is away: ${message}`, {
    remedy: 'Start Redis, or check SYNCLINE_REDIS_URL',
    cause,
  })
}

const checkedUrl = (url: string): string => {
  if (URL.canParse(url) && ['redis:', 'rediss:'].includes(new URL(url).protocol)) return url
  // The value may hold a password: it is not repeated.
  throw new SynclineError('config', 'The address of Redis is not a redis:// or rediss:// URL', {
    remedy: 'Set SYNCLINE_REDIS_URL, e.g. redis://127.0.0.1:6379',
  })
}

/** Says once that Redis went away and once that it is back, however many attempts lie between. */
const reportAwayAndBack = (redis: Redis, logger: Logger, outages?: Outages): (() => void) => {
  let away = false
  let back: (() => void) | undefined
  let closing = false
  let lastError = 'connection closed'
  redis.on('error', (error: Error) => {
    lastError = messageOf(error)
  })
  redis.on('close', () => {
    if (!away && !closing) logger.warn({ reason: lastError }, 'redis is away, reconnecting')
    away = true
    if (!closing) back ??= outages?.away('Redis')
  })
  redis.on('ready', () => {
    if (away) logger.info('redis is back')
    away = false
    back?.()
    back = undefined
    lastError = 'connection closed'
  })
  return () => {
    closing = true
  }
}

const firstReady = async (redis: Redis, patienceMs: number): Promise<void> => {
  let timer: NodeJS.Timeout | undefined
  const ready = new Promise<void>((resolve) => {
    redis.once('ready', () => resolve())
    timer = setTimeout(resolve, patienceMs)
  })
  // A failed first attempt is reported by the 'close' event and tried again like any other.
  redis.connect().catch(() => undefined)
  await ready
  clearTimeout(timer)
}
