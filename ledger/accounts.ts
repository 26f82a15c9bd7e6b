// Accounts at vendors, by the vendors' own ids: that of the rows of a source, taken down before the first of them comes in, and that of its
// credential. Must hold: the first stays until the organisation is forgotten, the second goes with the credential.
import type { Queryable } from '../platform/postgres.ts'
import type { Connection } from './organisations.ts'
import type { SourceName } from './source-health.ts'

/** Null: nothing has come in yet, or it is being forgotten. */
export const accountOfRows = async (client: Queryable, { orgId, source }: SourceName): Promise<string | null> => {
  const { rows } = await client.query<{ account: string }>(
    `select account from sync.accounts a where org_id = $1 and source = $2
       and not exists (select from sync.forgotten f where f.org_id = a.org_id and finished_at is null)`,
    [orgId, source],
  )
  return rows[0]?.account ?? null
}

/** The account of the source's rows: `account`, if none is known yet. */
export const claimAccount = async (client: Queryable, { orgId, source }: SourceName, account: string): Promise<string> => {
  await client.query('insert into sync.accounts (org_id, source, account) values ($1, $2, $3) on conflict do nothing', [
    orgId,
    source,
    account,
  ])
  const { rows } = await client.query<{ account: string }>(
    'select account from sync.accounts where org_id = $1 and source = $2',
    [orgId, source],
  )
  return rows[0]?.account ?? account
}

/** In the transaction that stores a credential; null: it is not known whose that is. */
export const setCredentialAccount = async (
  client: Queryable,
  { orgId, source }: SourceName,
  account: string | null,
): Promise<void> => {
  await client.query(
    `with gone as (delete from sync.credential_accounts where org_id = $1 and source = $2 and $3::text is null)
     insert into sync.credential_accounts (org_id, source, account) select $1, $2, $3 where $3::text is not null
     on conflict (org_id, source) do update set account = excluded.account`,
    [orgId, source, account],
  )
}

/** Of a credential that was asked; nothing is written down if another has been stored meanwhile. */
export const noteCredentialAccount = async (
  client: Queryable,
  { orgId, source, baseUrl }: Pick<Connection, 'orgId' | 'source' | 'baseUrl'>,
  limitKey: string,
  account: string,
): Promise<void> => {
  // Who stores another waits for this statement, and takes away what it wrote.
  await client.query(
    `insert into sync.credential_accounts (org_id, source, account)
     select org_id, source, $5 from sync.connections
     where org_id = $1 and source = $2 and limit_key = $3 and base_url is not distinct from $4 for share
     on conflict (org_id, source) do update set account = excluded.account`,
    [orgId, source, limitKey, baseUrl, account],
  )
}
