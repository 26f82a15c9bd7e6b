// Open connections to vendors, one per organisation and source, shared by the slices of a process.
import { createHmac } from 'node:crypto'
import type { Adapter, ApiConnection, AuthProvider } from '../adapters/core/adapter.ts'
import { type Connection, markCredentialUsed, openConnection } from '../ledger/organisations.ts'
import { SynclineError } from '../platform/errors.ts'
import type { Pool } from '../platform/postgres.ts'
import type { Limiter, LimitPolicy, Permit } from './limiter/limiter.ts'
import { waitForPermit } from './limiter/wait.ts'
import type { WorkClass } from './limiter/work-class.ts'

export interface PermitOptions {
  /** Default: live. */
  readonly workClass?: WorkClass
  readonly onWait?: ((ms: number) => void) | undefined
}

export interface VendorConnection {
  readonly adapter: Adapter
  readonly api: ApiConnection
  readonly auth: AuthProvider
  /** Waits for a permit until `deadline` (of performance.now()); or tells after how many ms to come back. */
  permit(deadline: number, signal: AbortSignal, how?: PermitOptions): Promise<{ permit: Permit } | { retryAfterMs: number }>
  readonly limiterKey: string
}

export interface ConnectionDeps {
  readonly pool: Pool
  readonly limiter: Limiter
  readonly encryptionKey: Buffer
  readonly adapterOf: (name: string) => Adapter
  /** Makes the auth provider of an adapter from a stored credential. */
  readonly authOf: (adapter: Adapter, credential: string) => AuthProvider
  readonly requestTimeoutMs: number
  /** Cap on one answer, decompressed; default: the adapter's. */
  readonly maxResponseBytes?: number
}

/** Connections are opened again after this time, so that a changed credential or address is taken up. */
const LIFE_MS = 60_000

interface Cached {
  readonly opened: Promise<VendorConnection>
  readonly until: number
}

export class Connections {
  readonly #deps: ConnectionDeps
  readonly #cache = new Map<string, Cached>()

  constructor(deps: ConnectionDeps) {
    this.#deps = deps
  }

  /** Throws SynclineError('config') when the organisation or its credential is not there. */
  get(orgId: string, source: string): Promise<VendorConnection> {
    const key = `${orgId}/${source}`
    const cached = this.#cache.get(key)
    if (cached !== undefined && cached.until > performance.now()) return cached.opened
    const opened = openVendor(this.#deps, orgId, source)
    this.#cache.set(key, { opened, until: performance.now() + LIFE_MS })
    opened.catch(() => this.#cache.delete(key))
    // What was open before is closed when its last request has ended: slices under way keep using it.
    cached?.opened.then((old) => old.api.close()).catch(() => undefined)
    return opened
  }

  async close(): Promise<void> {
    const all = [...this.#cache.values()]
    this.#cache.clear()
    await Promise.allSettled(all.map(async (cached) => (await cached.opened).api.close()))
  }
}

const openVendor = async (deps: ConnectionDeps, orgId: string, source: string): Promise<VendorConnection> => {
  const opened = await openConnection(deps.pool, deps.encryptionKey, orgId, source)
  if (opened === undefined) {
    throw new SynclineError('config', `There is no connection ${source} of organisation ${orgId}.`, {
      remedy: `Add it with: syncline org add ${orgId} --pat-stdin`,
    })
  }
  return connectVendor(deps, opened.connection, opened.credential)
}

/** `credential` in clear, as `openConnection` gives it. Nothing is sent. */
export const connectVendor = (deps: ConnectionDeps, connection: Connection, credential: string): VendorConnection => {
  const { limiter, requestTimeoutMs, maxResponseBytes } = deps
  const adapter = deps.adapterOf(connection.adapter)
  const auth = deps.authOf(adapter, credential)
  // The vendor counts by credential: two connections with the same one share a window. The key of the hash keeps it from being guessed.
  const limiterKey = createHmac('sha256', deps.encryptionKey)
    .update(`${adapter.name}\n${credential}`)
    .digest('base64url')
    .slice(0, 32)
  const api = adapter.open({
    auth,
    timeoutMs: requestTimeoutMs,
    ...(maxResponseBytes === undefined ? {} : { maxBodyBytes: maxResponseBytes }),
    settings: connection.settings,
    ...(connection.baseUrl === null ? {} : { baseUrl: connection.baseUrl }),
  })
  const policy = limitOf(connection) ?? adapter.limit
  let known = false
  return {
    adapter,
    api,
    auth,
    limiterKey,
    permit: async (deadline, signal, { onWait, workClass = 'live' } = {}) => {
      // Taken down for good before the first permit is asked for, and only who took it down may say so (invariant 7).
      const neverUsed = !known && (await markCredentialUsed(deps.pool, limiterKey))
      known = true
      const acquired = await waitForPermit(limiter, limiterKey, {
        ...{ policy, neverUsed, deadline, signal, onWait, workClass },
      })
      return acquired.kind === 'permit' ? { permit: acquired.permit } : { retryAfterMs: acquired.retryAfterMs }
    },
  }
}

/** Above what one credential can ask for: a limit that limits nothing. */
const UNLIMITED: LimitPolicy = { requests: 100_000, periodMs: 1_000 }
const RATE = /^([1-9]\d{0,5})\/([1-9]\d{0,4})$/

/** `100/20` is a hundred requests in twenty seconds, `none` is no limit; undefined for anything else. */
export const parseLimit = (text: string): LimitPolicy | undefined => {
  if (text === 'none') return UNLIMITED
  const [, requests, seconds] = RATE.exec(text) ?? []
  return requests === undefined ? undefined : { requests: Number(requests), periodMs: Number(seconds) * 1_000 }
}

/** The limit agreed for this connection, where it is another than the vendor's usual one. The vendor's headers override both. */
const limitOf = ({ rateLimit }: Connection): LimitPolicy | undefined => (rateLimit === null ? undefined : parseLimit(rateLimit))
