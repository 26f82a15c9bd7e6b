// What is needed to check a delivery, remembered: a connection goes in, its address and secrets come out. Bounded in entries.
// Must hold: a secret that was rotated is taken up with the first delivery that it signs; PostgreSQL away, what is known goes on serving;
// rules that cannot be obeyed are an error, never the rules of before.
import type { Adapter } from '../../adapters/core/adapter.ts'
import type { KeyRing } from '../../ledger/secrets.ts'
import { acceptedSecrets, type ConnectionKey, type Endpoint, findEndpoint } from '../../ledger/webhooks.ts'
import type { FieldRules } from '../../manifests/field-rules.ts'
import { isDatabaseAway, type Pool } from '../../platform/postgres.ts'
import { openFieldRules } from '../field-rules.ts'

export interface KnownEndpoint {
  readonly endpoint: Endpoint
  /** By event. */
  readonly secrets: ReadonlyMap<string, readonly string[]>
  readonly rules?: FieldRules | undefined
}

export interface EndpointBook {
  /** Undefined: there is none. Rejects when it is not known and PostgreSQL is away. */
  find(of: ConnectionKey): Promise<KnownEndpoint | undefined>
  /** The same, read again: but not more often than once a second. */
  findAnew(of: ConnectionKey): Promise<KnownEndpoint | undefined>
}

/** A connection that goes is known so long; `org forget` waits for that. */
export const ADDRESS_LIFE_MS = 10_000
const LEAST_LIFE_MS = 1_000
const MAX_ENTRIES = 10_000

interface Entry {
  readonly known: Promise<KnownEndpoint | undefined>
  readonly at: number
}

type ReadEndpoint = (of: ConnectionKey) => Promise<KnownEndpoint | undefined>

/** From PostgreSQL. Throws SynclineError('config') for a rule or a secret that this version cannot obey or read. */
export const endpointReader =
  (pool: Pool, ring: KeyRing, adapterOf: (name: string) => Adapter): ReadEndpoint =>
  async (of) => {
    const endpoint = await findEndpoint(pool, of)
    if (endpoint === undefined) return undefined
    const { manifest } = adapterOf(endpoint.adapter)
    const secrets = await acceptedSecrets(pool, ring, of)
    return { endpoint, secrets, rules: await openFieldRules(pool, ring, of.orgId, manifest) }
  }

/** `now` in ms, of a monotonic clock. */
export const createEndpointBook = (read: ReadEndpoint, now: () => number = () => performance.now()): EndpointBook => {
  const entries = new Map<string, Entry>()

  const find = (of: ConnectionKey, lifeMs: number): Promise<KnownEndpoint | undefined> => {
    const key = `${of.orgId}/${of.source}`
    const entry = entries.get(key)
    if (entry !== undefined && now() - entry.at < lifeMs) return entry.known
    if (entries.size >= MAX_ENTRIES) entries.clear()
    const known = read(of).catch((error: unknown) => {
      // For another life, so that each delivery does not wait for a server that is away.
      if (entry !== undefined && isDatabaseAway(error)) return entry.known
      if (entries.get(key) === fresh) entries.delete(key)
      throw error
    })
    const fresh: Entry = { known, at: now() }
    entries.set(key, fresh)
    return known
  }
  return { find: (of) => find(of, ADDRESS_LIFE_MS), findAnew: (of) => find(of, LEAST_LIFE_MS) }
}
