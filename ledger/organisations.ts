// Organisations and their connections: who is synced, with which credential, from where.
import { SynclineError } from '../platform/errors.ts'
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { setCredentialAccount } from './accounts.ts'
import { resumeAfterAuth } from './auth-pause.ts'
import { seal, WRAPPED_KEY, type WrappedKeyRow, wrappedKeyOf } from './data-keys.ts'
import { limitKeyOfToken } from './limit-key.ts'
import { isDirect, type KeyRing, openSecret } from './secrets.ts'

export interface Connection {
  readonly orgId: string
  readonly source: string
  readonly adapter: string
  readonly baseUrl: string | null
  readonly settings: Readonly<Record<string, string>>
  /** A limit other than the vendor's usual one: `requests/seconds`, or `none`. */
  readonly rateLimit: string | null
}

export interface NewConnection extends Connection {
  /** The access token as the adapter takes it; stored encrypted. */
  readonly credential: string
  /** At the vendor, whose the credential is; not there, or null: not known yet. */
  readonly account?: string | null
}

/** token: a fixed credential. oauth: a pair of tokens that are refreshed (tokens.ts). */
export type Credential = { readonly kind: 'token'; readonly token: string } | { readonly kind: 'oauth' }

export interface OpenedConnection {
  readonly connection: Connection
  readonly credential: Credential
  /** Names its window in the limiter; two connections of one account have the same. */
  readonly limitKey: string
  /** At the vendor: whose the credential is, and whose the rows are; null: not known yet. */
  readonly accounts: { readonly credential: string | null; readonly rows: string | null }
}

interface ConnectionRow {
  org_id: string
  source: string
  adapter: string
  base_url: string | null
  settings: Record<string, string>
  rate_limit: string | null
}

const COLUMNS = 'c.org_id, c.source, c.adapter, c.base_url, c.settings, c.rate_limit'
const ownerOf = (c: { orgId: string; source: string }) => ({ orgId: c.orgId, source: c.source, field: 'credential' })

const fromRow = (row: ConnectionRow): Connection => ({
  orgId: row.org_id,
  source: row.source,
  adapter: row.adapter,
  baseUrl: row.base_url,
  settings: row.settings,
  rateLimit: row.rate_limit,
})

/** The organisation, active. Throws SynclineError('conflict') while it is being forgotten. */
const ensureOrganisation = async (client: Queryable, orgId: string): Promise<void> => {
  await client.query('insert into sync.organisations (org_id) values ($1) on conflict do nothing', [orgId])
  await client.query('select from sync.organisations where org_id = $1 for no key update', [orgId])
  const { rowCount } = await client.query('select from sync.forgotten where org_id = $1 and finished_at is null', [orgId])
  if (rowCount !== 0) {
    throw new SynclineError('conflict', `${orgId} is being forgotten.`, {
      remedy: `Let it be finished first: syncline org forget ${orgId} --yes`,
    })
  }
  await client.query('update sync.organisations set active = true where org_id = $1 and not active', [orgId])
}

interface StoredCredential {
  readonly kind: Credential['kind']
  readonly sealed: Buffer | null
  readonly limitKey: string
  readonly account: string | null
}

export interface Put {
  readonly outcome: 'added' | 'updated'
  /** Runs that were paused for want of this, and go on. */
  readonly resumed: readonly string[]
}

/**
 * Adds the organisation's connection or changes it, with what else `write` has to, and lets its runs go on that waited for that. Locks in
 * one order, which a refresh under way has too: the tokens, then the runs. One that was refused meanwhile cannot pause them again.
 */
export const putConnection = async (
  client: Queryable,
  c: Connection,
  credential: () => Promise<StoredCredential>,
  write: () => Promise<unknown>,
): Promise<Put> => {
  await ensureOrganisation(client, c.orgId)
  const { kind, sealed, limitKey, account } = await credential()
  const { rows } = await client.query<{ added: boolean }>(
    `insert into sync.connections (org_id, source, adapter, base_url, settings, rate_limit, kind, credential, limit_key)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
     on conflict (org_id, source) do update set adapter = $3, base_url = $4, settings = $5, rate_limit = $6, kind = $7, credential = $8,
       limit_key = $9
     returning xmax = 0 as added`,
    [c.orgId, c.source, c.adapter, c.baseUrl, JSON.stringify(c.settings), c.rateLimit, kind, sealed, limitKey],
  )
  await setCredentialAccount(client, c, account)
  await write()
  const resumed = await resumeAfterAuth(client, c.orgId, c.source)
  return { outcome: rows[0]?.added ? 'added' : 'updated', resumed }
}

/** Adds the organisation, or gives an existing one a new fixed credential and address. */
export const saveConnection = async (pool: Pool, ring: KeyRing, c: NewConnection): Promise<'added' | 'updated'> => {
  const limitKey = await limitKeyOfToken(c.adapter, c.credential)
  return inTransaction(pool, async (client) => {
    const credential = async () => ({
      kind: 'token' as const,
      sealed: await seal(client, ring, ownerOf(c), c.credential),
      limitKey,
      account: c.account ?? null,
    })
    const { outcome } = await putConnection(client, c, credential, () =>
      client.query('delete from sync.tokens where org_id = $1 and source = $2', [c.orgId, c.source]),
    )
    return outcome
  })
}

export interface ListedConnection extends Connection {
  readonly kind: Credential['kind']
  /** The vendor refused its tokens for good: it waits for `org connect`. Null: it does not. */
  readonly reauthorise: string | null
}

export const listConnections = async (client: Queryable): Promise<readonly ListedConnection[]> => {
  const { rows } = await client.query<ConnectionRow & { kind: Credential['kind']; reauthorise: string | null }>(
    `select ${COLUMNS}, c.kind, case when t.state = 'reauthorise' then coalesce(t.reason, 'refused') end as reauthorise
     from sync.connections c left join sync.tokens t using (org_id, source) order by c.org_id, c.source`,
  )
  return rows.map((row) => ({ ...fromRow(row), kind: row.kind, reauthorise: row.reauthorise }))
}

interface OpenedRow extends ConnectionRow, WrappedKeyRow {
  kind: Credential['kind']
  credential: Buffer | null
  limit_key: string | null
  credential_account: string | null
  rows_account: string | null
}

/** The connection with its credential in clear; undefined when it does not exist. */
export const openConnection = async (
  pool: Pool,
  ring: KeyRing,
  orgId: string,
  source: string,
): Promise<OpenedConnection | undefined> => {
  const { rows } = await pool.query<OpenedRow>(
    `select ${COLUMNS}, c.kind, c.credential, c.limit_key, w.account as credential_account, a.account as rows_account, ${WRAPPED_KEY}
     from sync.connections c left join sync.data_keys k using (org_id)
       left join sync.credential_accounts w using (org_id, source) left join sync.accounts a using (org_id, source)
     where c.org_id = $1 and c.source = $2`,
    [orgId, source],
  )
  const row = rows[0]
  if (row === undefined) return undefined
  const connection = fromRow(row)
  const accounts = { credential: row.credential_account, rows: row.rows_account }
  if (row.credential === null) return { connection, credential: { kind: 'oauth' }, limitKey: row.limit_key ?? '', accounts }
  const token = openSecret(ring, wrappedKeyOf(row), ownerOf(connection), row.credential)
  const limitKey = row.limit_key ?? (await limitKeyOfToken(row.adapter, token))
  if (row.limit_key === null || isDirect(row.credential)) await adopt(pool, ring, connection, row.credential, { token, limitKey })
  return { connection, credential: { kind: 'token', token }, limitKey, accounts }
}

/** A credential of before there were keys of organisations is stored as they are now, unless it was changed meanwhile. */
const adopt = (
  pool: Pool,
  ring: KeyRing,
  { orgId, source }: Connection,
  before: Buffer,
  { token, limitKey }: { token: string; limitKey: string },
): Promise<void> =>
  inTransaction(pool, async (client) => {
    const sealed = await seal(client, ring, ownerOf({ orgId, source }), token)
    await client.query(
      'update sync.connections set credential = $4, limit_key = $5 where org_id = $1 and source = $2 and credential = $3',
      [orgId, source, before, sealed, limitKey],
    )
  })

/** To be called before the first permit of a credential is asked for. True for the one caller that took it down. */
export const markCredentialUsed = async (client: Queryable, limitKey: string): Promise<boolean> => {
  const { rowCount } = await client.query('insert into sync.used_credentials (credential) values ($1) on conflict do nothing', [
    limitKey,
  ])
  return rowCount === 1
}

/** Removes the organisation, its connections and its runs from the ledger; its rows in the tables stay. False: there was none. */
export const removeOrganisation = async (client: Queryable, orgId: string): Promise<boolean> => {
  const { rowCount } = await client.query('delete from sync.organisations where org_id = $1', [orgId])
  return rowCount === 1
}

/** Removes one of an organisation's connections and its runs; the organisation stays while it has another. False: there was none. */
export const removeConnection = (pool: Pool, orgId: string, source: string): Promise<boolean> =>
  inTransaction(pool, async (client) => {
    const { rowCount } = await client.query('delete from sync.connections where org_id = $1 and source = $2', [orgId, source])
    await client.query(
      'delete from sync.organisations o where org_id = $1 and not exists (select from sync.connections c where c.org_id = o.org_id)',
      [orgId],
    )
    return rowCount === 1
  })
