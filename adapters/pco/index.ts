// Planning Center Online for programs of your own: `import { pcoAdapter } from 'syncline/adapters/pco'`. Needs no Kafka, PostgreSQL or
// Redis. Pages, retries, keeps to the limit of its credential within this process, and refreshes tokens.
import { pcoManifest } from '../../manifests/pco/index.ts'
import type { AuthProvider } from '../core/adapter.ts'
import { personalAccessToken } from '../core/auth.ts'
import { createClient } from '../core/client.ts'
import type { TypedClient, TypedRecord } from '../core/client-types.ts'
import { createPace } from '../core/pace.ts'
import { memoryTokens, refreshingTokens, type StoredTokens, type TokenStore } from '../core/token-auth.ts'
import { typedClient } from '../core/typed-client.ts'
import { pcoOAuth } from './oauth.ts'
import { pco } from './pco.ts'

export { SynclineError } from '../../platform/errors.ts'
export { ApiError, type FailureKind, isApiError, type Problem } from '../core/errors.ts'
export { memoryTokens, type StoredTokens, type TokenStore } from '../core/token-auth.ts'

export type PcoAuth =
  /** A personal access token: of one account, for as long as it exists. */
  | { readonly type: 'pat'; readonly id: string; readonly secret: string }
  /** Tokens of an account that consented to an app, or where they are kept: each refresh replaces both. */
  | {
      readonly type: 'oauth'
      readonly clientId: string
      readonly clientSecret: string
      readonly tokens: StoredTokens | TokenStore
    }

export interface PcoOptions {
  readonly auth: PcoAuth
  /** Default: https://api.planningcenteronline.com */
  readonly baseUrl?: string
  /** Requests in a period of milliseconds, until the answers say it; default: 100 in 20,000. Null: none. */
  readonly limit?: { readonly requests: number; readonly periodMs: number } | null
  /** Of one request, with its answer; default: 30,000. */
  readonly timeoutMs?: number
  /** How often a request is sent again after a failure that may pass; default: for about ten minutes. 0: never. */
  readonly retries?: number
  /** Names your program to the vendor. */
  readonly userAgent?: string
  /** API versions, pinned: `peopleVersion` and `groupsVersion`, as YYYY-MM-DD. */
  readonly settings?: { readonly peopleVersion?: string; readonly groupsVersion?: string }
}

type Definitions = (typeof pcoManifest)['definitions']
export type PcoClient = TypedClient<Definitions>
export type PcoEntity = Definitions[number]['entity']
/** A record of an entity: `PcoRecord<'person'>`. */
export type PcoRecord<Entity extends PcoEntity> = TypedRecord<Extract<Definitions[number], { readonly entity: Entity }>>

const isStore = (tokens: StoredTokens | TokenStore): tokens is TokenStore => 'load' in tokens

const authOf = (auth: PcoAuth, baseUrl: string): AuthProvider => {
  if (auth.type === 'pat') return personalAccessToken(`${auth.id}:${auth.secret}`)
  const { clientId, clientSecret, tokens } = auth
  const endpoint = { api: pcoOAuth, baseUrl, app: { clientId, clientSecret } }
  return refreshingTokens(endpoint, isStore(tokens) ? tokens : memoryTokens(tokens))
}

/**
 * A client of one account. Failed requests throw ApiError, whose `kind` says how; mistakes of the caller SynclineError('usage') or
 * ('config'). Sends nothing before it is asked to.
 */
export const pcoAdapter = (options: PcoOptions): PcoClient => {
  const { auth, baseUrl = pco.baseUrl, limit = pco.limit, timeoutMs, retries, userAgent, settings } = options
  const client = createClient(pco, {
    auth: authOf(auth, baseUrl),
    baseUrl,
    ...(limit === null ? {} : createPace(limit)),
    ...(timeoutMs === undefined ? {} : { timeoutMs }),
    ...(retries === undefined ? {} : { retries }),
    ...(userAgent === undefined ? {} : { userAgent }),
    ...(settings === undefined ? {} : { settings }),
  })
  return typedClient(pcoManifest, client)
}
