// Transactions on connections that have the staging tables: goes in a pool, comes out a client ready for COPY and merge.
// Must hold: a connection is prepared once, outside any transaction, because a rollback would take its staging tables along.
import { inTransaction, type Pool, type PoolClient } from '../../platform/postgres.ts'
import { stagingTable } from './ddl.ts'
import { type Layout, layouts } from './layout.ts'

const PREPARE = `set temp_buffers = '32MB'; set client_min_messages = warning; ${layouts.map(stagingTable).join('; ')}`
// Compiling a statement that runs for 50 ms takes longer than the statement. And a batch looks rows up by key: the planner, which
// knows nothing of the staging tables' sizes, would now and then read a whole table for each staged row.
const BEGIN = `begin; set local work_mem = '32MB'; set local jit = off; set local enable_seqscan = off`

/** Per prepared connection: rows written to each staging table since it was last truncated. */
const prepared = new WeakMap<PoolClient, Map<Layout, number>>()

// Not "on commit delete rows": that truncates all of them at every commit, used or not, which took 40 ms. Deleting leaves dead
// rows behind, truncating makes new files: so delete what is little, and truncate once it adds up.
const MAX_DEAD_ROWS = 20_000

/** Empties the staging table of an entity for so many new rows. In the transaction of the merge. */
export const emptyStaging = async (client: PoolClient, layout: Layout, adding: number): Promise<void> => {
  const written = prepared.get(client)
  const before = written?.get(layout) ?? 0
  const truncates = before + adding > MAX_DEAD_ROWS
  written?.set(layout, (truncates ? 0 : before) + adding)
  if (before > 0) await client.query(truncates ? `truncate ${layout.staged}` : `delete from ${layout.staged}`)
}

const prepare = async (client: PoolClient): Promise<void> => {
  if (prepared.has(client)) return
  await client.query(PREPARE)
  prepared.set(client, new Map())
}

/** Runs `work` in one transaction; after a deadlock or a serialization failure again, a bounded number of times. */
export const inSession = <T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> =>
  inTransaction(pool, work, { prepare, begin: BEGIN })
