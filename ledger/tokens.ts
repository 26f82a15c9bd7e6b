// The token pair of a connection by OAuth: reading it, and the steps of a refresh (producers/token-refresh.ts puts them together).
// Must hold: a new pair is written only over the generation that it follows; times are PostgreSQL's.
import type { Queryable } from '../platform/postgres.ts'
import { pauseForAuth, resumeAfterAuth } from './auth-pause.ts'
import { seal, WRAPPED_KEY, type WrappedKeyRow, wrappedKeyOf } from './data-keys.ts'
import { queueNotification } from './notifications.ts'
import { type KeyRing, openSecret } from './secrets.ts'

export interface TokenOwner {
  readonly orgId: string
  readonly source: string
}

/** What a vendor answered to a code or a refresh token. */
export interface TokenPair {
  readonly accessToken: string
  readonly refreshToken: string
  readonly expiresInSeconds: number
  readonly scope: string
}

export interface AccessToken {
  readonly accessToken: string
  readonly generation: number
  /** Until it should be refreshed, and until it expires; not positive: it is due, or over. */
  readonly freshMs: number
  readonly usableMs: number
  readonly state: 'connected' | 'reauthorise'
  readonly reason: string | null
}

/** As it is under the row's lock. */
export interface LockedTokens extends AccessToken {
  readonly clientId: string
  readonly clientSecret: string
  readonly refreshToken: string
  /** PostgreSQL's clock when the lock was taken: what a new token's life is counted from. */
  readonly at: Date
  /** The last attempt at refreshing this generation, and how long ago it was sent, or the server has been up. */
  readonly attempt: { readonly outcome: 'sent' | 'unanswered'; readonly agoMs: number } | null
}

interface TokenRow extends WrappedKeyRow {
  access_token: Buffer
  generation: number
  fresh_ms: number
  usable_ms: number
  state: AccessToken['state']
  reason: string | null
}

interface LockedRow extends TokenRow {
  client_id: string
  client_secret: Buffer
  refresh_token: Buffer
  at: Date
  outcome: 'sent' | 'unanswered' | null
  ago_ms: number | null
}

const msUntil = (column: string) => `(extract(epoch from ${column} - clock_timestamp()) * 1000)::float8`
const COLUMNS = `t.access_token, t.generation, ${msUntil('t.refresh_at')} as fresh_ms, ${msUntil('t.expires_at')} as usable_ms, t.state, t.reason`

export const opener =
  (ring: KeyRing, { orgId, source }: TokenOwner, row: WrappedKeyRow) =>
  (field: string, sealed: Buffer): string =>
    openSecret(ring, wrappedKeyOf(row), { orgId, source, field }, sealed)

const accessOf = (row: TokenRow, open: ReturnType<typeof opener>): AccessToken => ({
  accessToken: open('access token', row.access_token),
  generation: row.generation,
  freshMs: row.fresh_ms,
  usableMs: row.usable_ms,
  state: row.state,
  reason: row.reason,
})

/** Undefined: there is none. */
export const readAccessToken = async (client: Queryable, ring: KeyRing, owner: TokenOwner): Promise<AccessToken | undefined> => {
  const { rows } = await client.query<TokenRow>(
    `select ${COLUMNS}, ${WRAPPED_KEY} from sync.tokens t left join sync.data_keys k using (org_id) where t.org_id = $1 and t.source = $2`,
    [owner.orgId, owner.source],
  )
  const row = rows[0]
  return row && accessOf(row, opener(ring, owner, row))
}

/** Locks the row until the transaction ends; throws 55P03 at once while another has it. Undefined: there is none. */
export const lockTokens = async (client: Queryable, ring: KeyRing, owner: TokenOwner): Promise<LockedTokens | undefined> => {
  // Not for update: the attempt that is noted meanwhile, over another connection, refers to the same connection's row.
  const { rowCount } = await client.query('select from sync.tokens where org_id = $1 and source = $2 for no key update nowait', [
    owner.orgId,
    owner.source,
  ])
  if (rowCount === 0) return undefined
  const { rows } = await client.query<LockedRow>(
    `select ${COLUMNS}, t.client_id, t.client_secret, t.refresh_token, clock_timestamp() as at, a.outcome,
       (extract(epoch from clock_timestamp() - greatest(a.sent_at, pg_postmaster_start_time())) * 1000)::float8 as ago_ms, ${WRAPPED_KEY}
     from sync.tokens t left join sync.data_keys k using (org_id)
       left join sync.refresh_attempts a on a.org_id = t.org_id and a.source = t.source and a.generation = t.generation
     where t.org_id = $1 and t.source = $2`,
    [owner.orgId, owner.source],
  )
  const row = rows[0]
  if (row === undefined) return undefined
  const open = opener(ring, owner, row)
  return {
    ...accessOf(row, open),
    clientId: row.client_id,
    clientSecret: open('client secret', row.client_secret),
    refreshToken: open('refresh token', row.refresh_token),
    at: row.at,
    attempt: row.outcome === null ? null : { outcome: row.outcome, agoMs: row.ago_ms ?? 0 },
  }
}

/** Before a refresh is sent, over a connection of its own: it must be there whatever becomes of who sends. */
export const noteAttempt = async (client: Queryable, { orgId, source }: TokenOwner, generation: number): Promise<void> => {
  await client.query(
    `insert into sync.refresh_attempts as a (org_id, source, generation, sent_at) values ($1, $2, $3, clock_timestamp())
     on conflict (org_id, source) do update set generation = $3, sent_at = clock_timestamp(), outcome = 'sent',
       attempts = case when a.generation = $3 then a.attempts + 1 else 1 end`,
    [orgId, source, generation],
  )
}

/** There will be no answer to the attempt: the old token may be tried once more by anybody. */
export const endAttempt = async (client: Queryable, { orgId, source }: TokenOwner, generation: number): Promise<void> => {
  await client.query(
    "update sync.refresh_attempts set outcome = 'unanswered' where org_id = $1 and source = $2 and generation = $3",
    [orgId, source, generation],
  )
}

/** A token is refreshed when a tenth of its life is left, or five minutes. */
export const early = (life: string): string => `least(${life} * interval '0.1 second', interval '5 minutes')`

/** Writes the pair that follows `generation`. False: another has been written meanwhile, and this one is of no use. */
export const saveTokens = async (
  client: Queryable,
  ring: KeyRing,
  owner: TokenOwner,
  { generation, pair, at }: { readonly generation: number; readonly pair: TokenPair; readonly at: Date },
): Promise<boolean> => {
  const { orgId, source } = owner
  const access = await seal(client, ring, { ...owner, field: 'access token' }, pair.accessToken)
  const refresh = await seal(client, ring, { ...owner, field: 'refresh token' }, pair.refreshToken)
  const { rowCount } = await client.query(
    `update sync.tokens set access_token = $4, refresh_token = $5, scope = $6, generation = generation + 1, state = 'connected', reason = null,
       expires_at = $7::timestamptz + $8 * interval '1 second', refresh_at = $7::timestamptz + $8 * interval '1 second' - ${early('$8')}
     where org_id = $1 and source = $2 and generation = $3`,
    [orgId, source, generation, access, refresh, pair.scope, at.toISOString(), pair.expiresInSeconds],
  )
  if (rowCount !== 1) return false
  await client.query('delete from sync.refresh_attempts where org_id = $1 and source = $2', [orgId, source])
  // Only a pair that was rescued late finds any.
  await resumeAfterAuth(client, orgId, source)
  return true
}

/** Marks the connection, unless it has newer tokens, pauses its runs and has operators told, once; returns the runs. */
export const markReauthorise = async (
  client: Queryable,
  { orgId, source }: TokenOwner,
  generation: number,
  reason: string,
): Promise<readonly string[]> => {
  const { rows } = await client.query<{ state: string }>(
    'select state from sync.tokens where org_id = $1 and source = $2 and generation = $3 for update',
    [orgId, source, generation],
  )
  const before = rows[0]?.state
  if (before === undefined) return []
  if (before !== 'reauthorise') {
    await client.query("update sync.tokens set state = 'reauthorise', reason = $3 where org_id = $1 and source = $2", [
      orgId,
      source,
      reason,
    ])
    await queueNotification(client, { orgId, source, kind: 'reauthorisation-needed', facts: { reason } })
  }
  return pauseForAuth(client, orgId, source, reason)
}
