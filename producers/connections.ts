// Open connections to vendors, one per organisation and source, shared by the slices of a process.
import type { Adapter, ApiConnection, AuthProvider } from '../adapters/core/adapter.ts'
import { connectionRevision } from '../ledger/connection-revision.ts'
import { type Connection, markCredentialUsed, type OpenedConnection, openConnection } from '../ledger/organisations.ts'
import type { KeyRing } from '../ledger/secrets.ts'
import type { FieldRules } from '../manifests/field-rules.ts'
import { SynclineError } from '../platform/errors.ts'
import type { Logger } from '../platform/logger.ts'
import type { Pool } from '../platform/postgres.ts'
import type { Telemetry } from '../platform/telemetry.ts'
import { type AccountGuard, createAccountGuard } from './account-guard.ts'
import { openFieldRules } from './field-rules.ts'
import type { Limiter, LimitPolicy, Permit } from './limiter/limiter.ts'
import { waitForPermit } from './limiter/wait.ts'
import type { WorkClass } from './limiter/work-class.ts'
import { createStoredTokens, type StoredTokens } from './stored-tokens.ts'

export interface PermitOptions {
  /** Default: live. */
  readonly workClass?: WorkClass
  readonly onWait?: ((ms: number) => void) | undefined
}

export interface VendorConnection {
  readonly adapter: Adapter
  readonly api: ApiConnection
  readonly auth: AuthProvider
  /** Of a connection that a person can authorise again: marks it and pauses its runs, which then go on by themselves. */
  readonly reauthorise?: StoredTokens['reauthorise']
  /** Waits for a permit until `deadline` (of performance.now()); or tells after how many ms to come back. */
  permit(deadline: number, signal: AbortSignal, how?: PermitOptions): Promise<{ permit: Permit } | { retryAfterMs: number }>
  readonly limiterKey: string
  readonly account: AccountGuard
  /** For everything that it sends; undefined: the organisation has none. */
  readonly rules?: FieldRules | undefined
}

export interface ConnectionDeps {
  readonly pool: Pool
  readonly limiter: Limiter
  readonly encryptionKey: KeyRing
  readonly log: Logger
  readonly telemetry?: Telemetry
  readonly adapterOf: (name: string) => Adapter
  readonly requestTimeoutMs: number
  /** Cap on one answer, decompressed; default: the adapter's. */
  readonly maxResponseBytes?: number
}

/** Connections are opened again after this time, so that a changed field rule is taken up; a changed connection is so at once. */
export const LIFE_MS = 60_000

interface Cached {
  readonly opened: Promise<VendorConnection>
  readonly revision: string | null
  readonly until: number
}

export class Connections {
  readonly #deps: ConnectionDeps
  readonly #cache = new Map<string, Cached>()

  constructor(deps: ConnectionDeps) {
    this.#deps = deps
  }

  /**
   * `taken`: the revision of the connection, where it has just been read. Throws SynclineError('config') when the organisation or its
   * credential is not there.
   */
  async get(orgId: string, source: string, taken?: string): Promise<VendorConnection> {
    // One that was removed, forgotten and added again within the life is another one.
    const revision = taken ?? (await connectionRevision(this.#deps.pool, { orgId, source }))
    const key = `${orgId}/${source}`
    const cached = this.#cache.get(key)
    if (cached?.revision === revision && cached.until > performance.now()) return cached.opened
    const opened = openVendor(this.#deps, orgId, source)
    this.#cache.set(key, { opened, revision, until: performance.now() + LIFE_MS })
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

/** Nothing is sent. Throws SynclineError('config') when the organisation or its credential is not there. */
export const openVendor = async (deps: ConnectionDeps, orgId: string, source: string): Promise<VendorConnection> => {
  const opened = await openConnection(deps.pool, deps.encryptionKey, orgId, source)
  if (opened !== undefined) {
    const { manifest } = deps.adapterOf(opened.connection.adapter)
    const rules = await openFieldRules(deps.pool, deps.encryptionKey, orgId, manifest)
    return { ...connectVendor(deps, opened), rules }
  }
  throw new SynclineError('config', `There is no connection ${source} of organisation ${orgId}.`, {
    remedy: `Add it with: syncline org add ${orgId} --pat-stdin`,
  })
}

const storedTokensOf = (deps: ConnectionDeps, adapter: Adapter, connection: Connection): StoredTokens => {
  const { pool, log, telemetry, encryptionKey: ring } = deps
  const { oauth } = adapter
  if (oauth === undefined) throw new SynclineError('config', `${adapter.name} has no OAuth in this version.`)
  const baseUrl = connection.baseUrl ?? adapter.baseUrl
  return createStoredTokens({ pool, ring, log, telemetry, adapter: adapter.name, oauth, baseUrl }, connection)
}

type Credentials = Pick<VendorConnection, 'auth' | 'reauthorise'>

const credentialsOf = (
  deps: ConnectionDeps,
  adapter: Adapter,
  { connection, credential }: Pick<OpenedConnection, 'connection' | 'credential'>,
): Credentials => {
  if (credential.kind === 'token') return { auth: adapter.auth(credential.token) }
  const stored = storedTokensOf(deps, adapter, connection)
  return { auth: stored, reauthorise: stored.reauthorise }
}

/** Of a credential in clear, stored or not; without the organisation's field rules. */
export const connectVendor = (deps: ConnectionDeps, opened: OpenedConnection): VendorConnection => {
  const { connection, credential, limitKey: limiterKey } = opened
  const { limiter, requestTimeoutMs, maxResponseBytes } = deps
  const adapter = deps.adapterOf(connection.adapter)
  const { auth, reauthorise } = credentialsOf(deps, adapter, { connection, credential })
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
    ...(reauthorise && { reauthorise }),
    limiterKey,
    account: createAccountGuard(deps.pool, opened, adapter.identity),
    permit: async (deadline, signal, { onWait, workClass = 'live' } = {}) => {
      // Before, because a permit does not live as long as a refresh takes.
      await auth.prepare?.()
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
const limitOf = ({ rateLimit }: Pick<Connection, 'rateLimit'>): LimitPolicy | undefined =>
  rateLimit === null ? undefined : parseLimit(rateLimit)

/** What a connection may ask for, before its API has answered; null: there is no limit. */
export const limitBefore = (connection: Pick<Connection, 'rateLimit'>, adapter: Pick<Adapter, 'limit'>): LimitPolicy | null => {
  const policy = limitOf(connection) ?? adapter.limit
  return policy === UNLIMITED ? null : policy
}
