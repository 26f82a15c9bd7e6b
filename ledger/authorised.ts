// What `org connect` was given, stored over whatever credential the connection had; and the app that it was given through.
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { seal, WRAPPED_KEY, type WrappedKeyRow } from './data-keys.ts'
import { type Connection, type Put, putConnection } from './organisations.ts'
import type { KeyRing } from './secrets.ts'
import { early, opener, type TokenOwner, type TokenPair } from './tokens.ts'

export interface Authorised extends Connection {
  readonly limitKey: string
  /** At the vendor, whose the tokens are; not there, or null: not known yet. */
  readonly account?: string | null
  readonly clientId: string
  readonly clientSecret: string
  readonly pair: TokenPair
  /** PostgreSQL's clock before the request that brought the pair. */
  readonly at: Date
}

/** Stores what `org connect` was given, over whatever credential the connection had; its paused runs go on. */
export const saveAuthorised = (pool: Pool, ring: KeyRing, a: Authorised): Promise<Put> =>
  inTransaction(pool, (client) =>
    putConnection(
      client,
      a,
      async () => ({ kind: 'oauth', sealed: null, limitKey: a.limitKey, account: a.account ?? null }),
      () => writeTokens(client, ring, a),
    ),
  )

const writeTokens = async (client: Queryable, ring: KeyRing, a: Authorised): Promise<void> => {
  const { orgId, source, pair } = a
  const sealed = (field: string, plain: string) => seal(client, ring, { orgId, source, field }, plain)
  await client.query(
    `insert into sync.tokens as t (org_id, source, client_id, client_secret, access_token, refresh_token, scope, expires_at, refresh_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8::timestamptz + $9 * interval '1 second', $8::timestamptz + $9 * interval '1 second' - ${early('$9')})
     on conflict (org_id, source) do update set client_id = $3, client_secret = $4, access_token = $5, refresh_token = $6, scope = $7,
       expires_at = excluded.expires_at, refresh_at = excluded.refresh_at, generation = t.generation + 1, state = 'connected', reason = null`,
    [
      orgId,
      source,
      a.clientId,
      await sealed('client secret', a.clientSecret),
      await sealed('access token', pair.accessToken),
      await sealed('refresh token', pair.refreshToken),
      pair.scope,
      a.at.toISOString(),
      pair.expiresInSeconds,
    ],
  )
  await client.query('delete from sync.refresh_attempts where org_id = $1 and source = $2', [orgId, source])
}

/** The app that a connection was authorised for, to authorise it again. */
export const readApp = async (
  client: Queryable,
  ring: KeyRing,
  owner: TokenOwner,
): Promise<{ clientId: string; clientSecret: string; limitKey: string } | undefined> => {
  const { rows } = await client.query<{ client_id: string; client_secret: Buffer; limit_key: string } & WrappedKeyRow>(
    `select t.client_id, t.client_secret, c.limit_key, ${WRAPPED_KEY}
     from sync.tokens t join sync.connections c using (org_id, source) left join sync.data_keys k using (org_id)
     where t.org_id = $1 and t.source = $2`,
    [owner.orgId, owner.source],
  )
  const row = rows[0]
  if (row === undefined) return undefined
  const clientSecret = opener(ring, owner, row)('client secret', row.client_secret)
  return { clientId: row.client_id, clientSecret, limitKey: row.limit_key }
}
