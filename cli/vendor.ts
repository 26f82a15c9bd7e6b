// One connection of an organisation, for a command that asks its API: chosen by name, opened under the limit that the fetchers share.
import type { ApiConnection } from '../adapters/core/adapter.ts'
import { personalAccessToken } from '../adapters/core/auth.ts'
import { adapterByName } from '../adapters/index.ts'
import { type Connection, openConnection } from '../ledger/organisations.ts'
import { requireSettings } from '../platform/config.ts'
import { SynclineError } from '../platform/errors.ts'
import { connectRedis } from '../platform/redis.ts'
import { suggest } from '../platform/suggest.ts'
import { connectVendor, type VendorConnection } from '../producers/connections.ts'
import { limitedConnection } from '../producers/limited.ts'
import { createLimiter, type Limiter } from '../producers/limiter/limiter.ts'
import { REQUEST_TIMEOUT_MS } from './roles.ts'
import type { Runtime } from './runtime.ts'
import { EXIT, onInterrupt, say } from './terminal.ts'
import { duration } from './words.ts'

/** `own`: the organisation's connections. Throws SynclineError('usage') naming those there are. */
export const chooseConnection = (own: readonly Connection[], org: string, source: string | undefined): Connection => {
  const [only, another] = own.filter((connection) => source === undefined || connection.source === source)
  const names = own.map((connection) => connection.source)
  if (only === undefined) {
    throw new SynclineError('usage', `${org} has no source '${source}'.`, { remedy: suggest(source ?? '', names) })
  }
  if (another === undefined) return only
  throw new SynclineError('usage', `${org} has several sources.`, { remedy: `Choose one with --source: ${names.join(', ')}` })
}

export interface OpenVendor {
  readonly vendor: VendorConnection
  /** Every request of it waits for a permit. */
  readonly api: ApiConnection
  readonly signal: AbortSignal
}

const LONG_WAIT_MS = 3_000

/** Says that it waits, once in a while: a limit that is used up looks like a standstill. */
const waitTeller = (): ((ms: number) => void) => {
  let quietUntil = 0
  return (ms) => {
    if (ms < LONG_WAIT_MS || performance.now() < quietUntil) return
    quietUntil = performance.now() + ms
    say(`Waiting ${duration(ms)} for the API's rate limit.`)
  }
}

export const withVendor = async <T>(
  runtime: Runtime,
  { orgId, source }: Pick<Connection, 'orgId' | 'source'>,
  work: (open: OpenVendor) => Promise<T>,
): Promise<T> => {
  const key = runtime.encryptionKey()
  const opened = await openConnection(runtime.pool, key, orgId, source)
  if (opened === undefined) throw new SynclineError('conflict', `The connection ${source} of ${orgId} has just been removed.`)
  const redis = await connectRedis(requireSettings(runtime.config, 'redisUrl').redisUrl, runtime.log)
  const { log: logger, topics } = runtime
  const limiter = createLimiter({ redis, logger, keyPrefix: topics.prefix, requestTimeoutMs: REQUEST_TIMEOUT_MS })
  let vendor: VendorConnection | undefined
  try {
    vendor = connectVendor(vendorDeps(runtime, limiter, key), opened.connection, opened.credential)
    return await work({ vendor, api: limitedConnection(vendor, limiter, waitTeller()), signal: interruptible() })
  } finally {
    await vendor?.api.close()
    redis.close()
  }
}

const vendorDeps = ({ pool, config }: Runtime, limiter: Limiter, encryptionKey: Buffer) => ({
  pool,
  limiter,
  encryptionKey,
  adapterOf: adapterByName,
  authOf: (_: unknown, credential: string) => personalAccessToken(credential),
  requestTimeoutMs: REQUEST_TIMEOUT_MS,
  maxResponseBytes: Number(requireSettings(config, 'maxResponseBytes').maxResponseBytes),
})

const interruptible = (): AbortSignal => {
  const signal = onInterrupt()
  // What was done so far stands, or is of no use to anybody.
  signal.addEventListener('abort', () => process.exit(EXIT.interrupted), { once: true })
  return signal
}
