// What is needed to check a delivery, remembered: a connection goes in, its address and secrets come out. Bounded in entries.
// Must hold: a secret that was rotated is taken up with the first delivery that it signs; PostgreSQL away, what is known goes on serving.
import type { Adapter } from '../../adapters/core/adapter.ts'
import type { KeyRing } from '../../ledger/secrets.ts'
import { acceptedSecrets, type ConnectionKey, type Endpoint, findEndpoint } from '../../ledger/webhooks.ts'
import type { FieldRules } from '../../manifests/field-rules.ts'
import type { Pool } from '../../platform/postgres.ts'
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

export const createEndpointBook = (pool: Pool, ring: KeyRing, adapterOf: (name: string) => Adapter): EndpointBook => {
  const entries = new Map<string, Entry>()

  const read = async (of: ConnectionKey): Promise<KnownEndpoint | undefined> => {
    const endpoint = await findEndpoint(pool, of)
    if (endpoint === undefined) return undefined
    const { manifest } = adapterOf(endpoint.adapter)
    const secrets = await acceptedSecrets(pool, ring, of)
    return { endpoint, secrets, rules: await openFieldRules(pool, ring, of.orgId, manifest) }
  }

  const find = (of: ConnectionKey, lifeMs: number): Promise<KnownEndpoint | undefined> => {
    const key = `${of.orgId}/${of.source}`
    const entry = entries.get(key)
    if (entry !== undefined && performance.now() - entry.at < lifeMs) return entry.known
    if (entries.size >= MAX_ENTRIES) entries.clear()
    const known = read(of).catch((error: unknown) => {
      entries.delete(key)
      if (entry === undefined) throw error
      return entry.known
    })
    entries.set(key, { known, at: performance.now() })
    return known
  }
  return { find: (of) => find(of, ADDRESS_LIFE_MS), findAnew: (of) => find(of, LEAST_LIFE_MS) }
}
