// Records that likely stand in their table as they are: only their keys and hashes go to PostgreSQL, which is a fraction of their rows.
// Those that do are settled by it, as "unchanged" by the rule of the usual way (statements.ts); all others take that way.
import { plainArray, type Queryable } from '../../platform/postgres.ts'
import type { BatchRecord } from '../batch.ts'
import type { Layout } from './layout.ts'
import { unchangedStatement } from './statements.ts'

/** Those of the records that stand as they are. All are alive, and their source says when they changed. Locks nothing. */
export const findUnchanged = async (
  client: Queryable,
  layout: Layout,
  records: readonly BatchRecord[],
): Promise<ReadonlySet<BatchRecord>> => {
  const { rows } = await client.query<{ marks: string }>(unchangedStatement(layout), [
    // Any text may be the name of an organisation; the others are hexadecimal digits.
    records.map(({ encoded }) => encoded.orgId),
    plainArray(records.map(({ encoded }) => encoded.id)),
    plainArray(records.map(({ encoded }) => encoded.contentHash)),
  ])
  const marks = rows[0]?.marks ?? ''
  return new Set(records.filter((_, n) => marks[n] === 'u'))
}
