// One connection of an organisation, for a command that asks its API: opened under the limit that the fetchers share, and closed
// whatever happens.
import type { ApiConnection } from '../adapters/core/adapter.ts'
import { adapterByName } from '../adapters/index.ts'
import type { Connection } from '../ledger/organisations.ts'
import { requireSettings } from '../platform/config.ts'
import { connectRedis } from '../platform/redis.ts'
import { type ConnectionDeps, openVendor, type VendorConnection } from '../producers/connections.ts'
import { limitedConnection } from '../producers/limited.ts'
import { createLimiter, type Limiter } from '../producers/limiter/limiter.ts'
import { REQUEST_TIMEOUT_MS } from '../producers/request-timeout.ts'
import type { Runtime } from './runtime.ts'
import { EXIT, onInterrupt, say } from './terminal.ts'
import { duration } from './words.ts'

export interface OpenVendor {
  readonly vendor: VendorConnection
  readonly limiter: Limiter
  /** Every request of it waits for a permit. */
  readonly api: ApiConnection
  /** Aborts at Ctrl-C, which ends the command. Asked for by those that may take long. */
  interruptible(): AbortSignal
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

/** Throws SynclineError('config') when the connection has just been removed, and what `work` throws. */
export const withVendor = async <T>(
  runtime: Runtime,
  { orgId, source }: Pick<Connection, 'orgId' | 'source'>,
  work: (open: OpenVendor) => Promise<T>,
): Promise<T> => {
  const redis = await connectRedis(requireSettings(runtime.config, 'redisUrl').redisUrl, runtime.log)
  const { log: logger, topics } = runtime
  const limiter = createLimiter({ redis, logger, keyPrefix: topics.prefix, requestTimeoutMs: REQUEST_TIMEOUT_MS })
  let vendor: VendorConnection | undefined
  try {
    vendor = await openVendor(vendorDeps(runtime, limiter), orgId, source)
    return await work({ vendor, limiter, api: limitedConnection(vendor, limiter, waitTeller()), interruptible })
  } finally {
    await vendor?.api.close()
    redis.close()
  }
}

const vendorDeps = ({ pool, log, config, encryptionKey }: Runtime, limiter: Limiter): ConnectionDeps => ({
  pool,
  log,
  limiter,
  encryptionKey: encryptionKey(),
  adapterOf: adapterByName,
  requestTimeoutMs: REQUEST_TIMEOUT_MS,
  maxResponseBytes: Number(requireSettings(config, 'maxResponseBytes').maxResponseBytes),
})

const interruptible = (): AbortSignal => {
  const signal = onInterrupt()
  // What was done so far stands, or is of no use to anybody.
  signal.addEventListener('abort', () => process.exit(EXIT.interrupted), { once: true })
  return signal
}
