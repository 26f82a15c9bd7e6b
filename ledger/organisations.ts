// Organisations and their connections: who is synced, with which credential, from where.
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { openSecret, sealSecret } from './secrets.ts'

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
}

interface ConnectionRow {
  org_id: string
  source: string
  adapter: string
  base_url: string | null
  settings: Record<string, string>
  rate_limit: string | null
  credential: Buffer
}

const COLUMNS = 'org_id, source, adapter, base_url, settings, rate_limit, credential'
const ownerOf = (c: { orgId: string; source: string }) => ({ orgId: c.orgId, source: c.source, field: 'credential' })

const fromRow = (row: ConnectionRow): Connection => ({
  orgId: row.org_id,
  source: row.source,
  adapter: row.adapter,
  baseUrl: row.base_url,
  settings: row.settings,
  rateLimit: row.rate_limit,
})

/** Adds the organisation, or gives an existing one a new credential and address. */
export const saveConnection = (pool: Pool, key: Buffer, c: NewConnection): Promise<'added' | 'updated'> =>
  inTransaction(pool, async (client) => {
    await client.query('insert into sync.organisations (org_id) values ($1) on conflict (org_id) do update set active = true', [
      c.orgId,
    ])
    const { rows } = await client.query<{ added: boolean }>(
      `insert into sync.connections (org_id, source, adapter, base_url, settings, rate_limit, credential) values ($1, $2, $3, $4, $5, $6, $7)
       on conflict (org_id, source) do update set adapter = $3, base_url = $4, settings = $5, rate_limit = $6, credential = $7
       returning xmax = 0 as added`,
      [
        c.orgId,
        c.source,
        c.adapter,
        c.baseUrl,
        JSON.stringify(c.settings),
        c.rateLimit,
        sealSecret(key, ownerOf(c), c.credential),
      ],
    )
    return rows[0]?.added ? 'added' : 'updated'
  })

export const listConnections = async (client: Queryable): Promise<readonly Connection[]> => {
  const { rows } = await client.query<ConnectionRow>(`select ${COLUMNS} from sync.connections order by org_id, source`)
  return rows.map(fromRow)
}

/** The connection with its credential in clear; undefined when it does not exist. */
export const openConnection = async (
  client: Queryable,
  key: Buffer,
  orgId: string,
  source: string,
): Promise<{ connection: Connection; credential: string } | undefined> => {
  const { rows } = await client.query<ConnectionRow>(
    `select ${COLUMNS} from sync.connections where org_id = $1 and source = $2`,
    [orgId, source],
  )
  const row = rows[0]
  return row && { connection: fromRow(row), credential: openSecret(key, ownerOf({ orgId, source }), row.credential) }
}

/** To be called before the first permit of a credential is asked for. True for the one caller that took it down. */
export const markCredentialUsed = async (client: Queryable, credentialHash: string): Promise<boolean> => {
  const { rowCount } = await client.query('insert into sync.used_credentials (credential) values ($1) on conflict do nothing', [
    credentialHash,
  ])
  return rowCount === 1
}

/** Removes the organisation, its connections and its runs from the ledger; its rows in the tables stay. False: there was none. */
export const removeOrganisation = async (client: Queryable, orgId: string): Promise<boolean> => {
  const { rowCount } = await client.query('delete from sync.organisations where org_id = $1', [orgId])
  return rowCount === 1
}
