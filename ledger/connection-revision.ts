// Which version of a connection's row this is: another one with whatever is stored of it, also when it was removed and added again.
import type { Queryable } from '../platform/postgres.ts'
import type { SourceName } from './source-health.ts'

/** Of a row `c` of sync.connections: the transaction that wrote it. */
export const REVISION = 'c.xmin::text'

/** Null: there is none. */
export const connectionRevision = async (client: Queryable, { orgId, source }: SourceName): Promise<string | null> => {
  const { rows } = await client.query<{ revision: string }>(
    `select ${REVISION} as revision from sync.connections c where org_id = $1 and source = $2`,
    [orgId, source],
  )
  return rows[0]?.revision ?? null
}
