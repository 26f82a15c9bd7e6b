// Keeps a worker's lease: renews its row every 5 s. What it holds is free for others 20 s after the last renewal.
import { messageOf } from '../platform/errors.ts'
import { pause } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import type { Pool } from '../platform/postgres.ts'
import { endLease, RENEW_INTERVAL_MS, renewLease } from './workers.ts'

export interface LeaseKeeper {
  /** Registers the worker; throws when PostgreSQL is away. */
  start(): Promise<void>
  stop(): Promise<void>
}

export const createLeaseKeeper = (pool: Pool, workerId: string, roles: readonly string[], log: Logger): LeaseKeeper => {
  const stopping = new AbortController()
  let loop: Promise<void> = Promise.resolve()

  const keep = async () => {
    for (;;) {
      await pause(RENEW_INTERVAL_MS, stopping.signal)
      if (stopping.signal.aborted) return
      await renewLease(pool, workerId, roles).catch((error: unknown) =>
        log.debug({ reason: messageOf(error) }, 'lease not renewed'),
      )
    }
  }

  return {
    start: async () => {
      await renewLease(pool, workerId, roles)
      loop = keep()
    },
    stop: async () => {
      stopping.abort()
      await loop
      await endLease(pool, workerId).catch((error: unknown) => log.debug({ reason: messageOf(error) }, 'lease not given up'))
    },
  }
}
