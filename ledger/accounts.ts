// The account at the vendor that a source's rows come from, by the vendor's own id: taken down with the first page that names it.
import type { Queryable } from '../platform/postgres.ts'
import type { SourceName } from './source-health.ts'

/** The account of the source's rows: `account`, if none is known yet. */
export const accountOf = async (client: Queryable, { orgId, source }: SourceName, account: string): Promise<string> => {
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
