// A vendor for the time of one command: opened with its limiter, which all workers share, and closed whatever happens.
import { personalAccessToken } from '../adapters/core/auth.ts'
import { adapterByName } from '../adapters/index.ts'
import type { Connection } from '../ledger/organisations.ts'
import { requireSettings } from '../platform/config.ts'
import { connectRedis } from '../platform/redis.ts'
import { openVendor, type VendorConnection } from '../producers/connections.ts'
import { createLimiter, type Limiter } from '../producers/limiter/limiter.ts'
import { REQUEST_TIMEOUT_MS } from './roles.ts'
import type { Runtime } from './runtime.ts'

export const withVendor = async <T>(
  runtime: Runtime,
  { orgId, source }: Pick<Connection, 'orgId' | 'source'>,
  work: (vendor: VendorConnection, limiter: Limiter) => Promise<T>,
): Promise<T> => {
  const { pool, log, topics, config } = runtime
  const { redisUrl, maxResponseBytes } = requireSettings(config, 'redisUrl', 'maxResponseBytes')
  const redis = await connectRedis(redisUrl, log)
  const limiter = createLimiter({ redis, logger: log, keyPrefix: topics.prefix, requestTimeoutMs: REQUEST_TIMEOUT_MS })
  let vendor: VendorConnection | undefined
  try {
    const deps = {
      pool,
      log,
      limiter,
      encryptionKey: runtime.encryptionKey(),
      adapterOf: adapterByName,
      authOf: (_: unknown, credential: string) => personalAccessToken(credential),
      requestTimeoutMs: REQUEST_TIMEOUT_MS,
      maxResponseBytes: Number(maxResponseBytes),
    }
    vendor = await openVendor(deps, orgId, source)
    return await work(vendor, limiter)
  } finally {
    await vendor?.api.close()
    redis.close()
  }
}
