// Where connections are told of changes: the address that the API was given, and the secrets that its deliveries are signed with.
import { randomBytes } from 'node:crypto'
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { seal, WRAPPED_KEY, type WrappedKeyRow, wrappedKeyOf } from './data-keys.ts'
import { type KeyRing, openSecret } from './secrets.ts'

export interface ConnectionKey {
  readonly orgId: string
  readonly source: string
}

export interface Endpoint extends ConnectionKey {
  readonly adapter: string
  /** A part of its path that cannot be guessed. */
  readonly token: string
  readonly baseUrl: string
  /** At the vendor, whose deliveries these are: that of the rows, or of the credential before there are any. Null: not known. */
  readonly account: string | null
  /** Something of the account has come in. */
  readonly hasRows: boolean
}

/** What the API signs with; the previous one is accepted for a time after it was replaced. */
export interface SavedSubscription {
  readonly event: string
  readonly subscriptionId: string
  readonly secret: string
  readonly verifiedAt: Date
}

const TOKEN_BYTES = 24
/** What was signed before a rotation may be under way so long. */
const PREVIOUS_HOURS = 24

/** Makes the endpoint's token once; only its address changes after that. */
export const ensureEndpoint = async (client: Queryable, { orgId, source }: ConnectionKey, baseUrl: string): Promise<string> => {
  const { rows } = await client.query<{ token: string }>(
    `insert into sync.webhook_endpoints (org_id, source, token, base_url) values ($1, $2, $3, $4)
     on conflict (org_id, source) do update set base_url = excluded.base_url returning token`,
    [orgId, source, randomBytes(TOKEN_BYTES).toString('base64url'), baseUrl],
  )
  return rows[0]?.token ?? ''
}

interface EndpointRow {
  adapter: string
  token: string
  base_url: string
  account: string | null
  has_rows: boolean
}

export const findEndpoint = async (client: Queryable, { orgId, source }: ConnectionKey): Promise<Endpoint | undefined> => {
  const { rows } = await client.query<EndpointRow>(
    `select c.adapter, e.token, e.base_url, coalesce(a.account, w.account) as account, a.account is not null as has_rows
     from sync.webhook_endpoints e join sync.connections c using (org_id, source)
       left join sync.accounts a using (org_id, source) left join sync.credential_accounts w using (org_id, source)
     where org_id = $1 and source = $2`,
    [orgId, source],
  )
  const [row] = rows
  if (row === undefined) return undefined
  const { adapter, token, base_url: baseUrl, account, has_rows: hasRows } = row
  return { orgId, source, adapter, token, baseUrl, account, hasRows }
}

/** As ledger/key-rotation.ts spells it in SQL. */
const ownerOf = ({ orgId, source }: ConnectionKey, event: string) => ({ orgId, source, field: `webhook:${event}` })

interface SecretRow extends WrappedKeyRow {
  event: string
  subscription_id: string
  secret: Buffer
  previous_secret: Buffer | null
  previous_holds: boolean
  verified_at: Date
}

const readSecrets = async (client: Queryable, { orgId, source }: ConnectionKey): Promise<readonly SecretRow[]> => {
  const { rows } = await client.query<SecretRow>(
    `select event, subscription_id, secret, previous_secret, coalesce(previous_until > now(), false) as previous_holds,
       verified_at, ${WRAPPED_KEY}
     from sync.webhook_subscriptions left join sync.data_keys k using (org_id)
     where org_id = $1 and source = $2 order by event`,
    [orgId, source],
  )
  return rows
}

/** By event: the secrets that are accepted now, the newest first. */
export const acceptedSecrets = async (
  client: Queryable,
  ring: KeyRing,
  of: ConnectionKey,
): Promise<ReadonlyMap<string, readonly string[]>> => {
  const rows = await readSecrets(client, of)
  return new Map(
    rows.map(({ event, secret, previous_secret: previous, previous_holds: holds, ...key }) => [
      event,
      [secret, ...(previous !== null && holds ? [previous] : [])].map((sealed) =>
        openSecret(ring, wrappedKeyOf(key), ownerOf(of, event), sealed),
      ),
    ]),
  )
}

export const savedSubscriptions = async (
  client: Queryable,
  ring: KeyRing,
  of: ConnectionKey,
): Promise<readonly SavedSubscription[]> => {
  const rows = await readSecrets(client, of)
  return rows.map(({ event, subscription_id: subscriptionId, secret, verified_at: verifiedAt, ...key }) => ({
    event,
    subscriptionId,
    secret: openSecret(ring, wrappedKeyOf(key), ownerOf(of, event), secret),
    verifiedAt,
  }))
}

export interface NewSubscription extends ConnectionKey {
  readonly event: string
  readonly subscriptionId: string
  readonly secret: string
  /** The secret that is saved is another one: it is accepted for a time still. */
  readonly replacesSecret: boolean
}

export const saveSubscription = (pool: Pool, ring: KeyRing, s: NewSubscription): Promise<void> =>
  inTransaction(pool, async (client) => {
    const secret = await seal(client, ring, ownerOf(s, s.event), s.secret)
    await client.query(
      `insert into sync.webhook_subscriptions as w (org_id, source, event, subscription_id, secret) values ($1, $2, $3, $4, $5)
     on conflict (org_id, source, event) do update set subscription_id = $4, secret = $5, verified_at = now(),
       previous_secret = case when $6 then w.secret else w.previous_secret end,
       previous_until = case when $6 then now() + interval '${PREVIOUS_HOURS} hours' else w.previous_until end`,
      [s.orgId, s.source, s.event, s.subscriptionId, secret, s.replacesSecret],
    )
  })

export const forgetSubscriptions = async (client: Queryable, of: ConnectionKey, events: readonly string[]): Promise<void> => {
  await client.query('delete from sync.webhook_subscriptions where org_id = $1 and source = $2 and event = any($3)', [
    of.orgId,
    of.source,
    events,
  ])
}
