// The repair of parked rows: an entity is said to be ready for it, then one guarded step asks for the parents that are missing.
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { insertRanges, type NewRange } from './ranges.ts'

/** The entity would close now, but for its parked rows. False: another leader was first. */
export const readyForRepair = async (client: Queryable, runId: string, entity: string): Promise<boolean> => {
  const { rowCount } = await client.query(
    "update sync.run_entities set repair = 'ready' where run_id = $1 and entity = $2 and state = 'landing' and repair = 'none'",
    [runId, entity],
  )
  return rowCount === 1
}

/** An entity that goes on because records of it are on their way: a parent, or what a parent's page carries. */
export interface Reopened {
  readonly entity: string
  readonly state: 'fetching' | 'landing'
}

/**
 * Opens the ranges that `rangesOf` gives (read in the same transaction) and sets their entities going again, so that what they
 * bring is awaited like anything else; the children are looked at once more and then close. Undefined, and nothing done: not all
 * of the children are ready, or the run is not running; another leader was first.
 */
export const repairOnce = (
  pool: Pool,
  runId: string,
  children: readonly string[],
  rangesOf: (client: Queryable) => Promise<readonly NewRange[]>,
): Promise<readonly Reopened[] | undefined> =>
  inTransaction(pool, async (client) => {
    // Locks in one order: the run, its entities, its ranges.
    await client.query('select from sync.runs where run_id = $1 for no key update', [runId])
    const { rowCount } = await client.query(
      `select from sync.run_entities e join sync.runs r using (run_id)
       where e.run_id = $1 and e.entity = any($2) and e.state = 'landing' and e.repair = 'ready' and r.state = 'running'`,
      [runId, children],
    )
    if (rowCount !== children.length) return undefined
    const ranges = await rangesOf(client)
    await client.query(
      `update sync.run_entities set repair = 'done', sweep_requested_at = case when $3 then null else sweep_requested_at end
       where run_id = $1 and entity = any($2)`,
      [runId, children, ranges.length > 0],
    )
    if (ranges.length === 0) return []
    const reopened = await reopen(client, runId, ranges)
    await insertRanges(client, runId, ranges)
    return reopened
  })

/** What the pages carry besides the parent lands later too: it closes again when it has. */
const reopen = async (client: Queryable, runId: string, ranges: readonly NewRange[]): Promise<readonly Reopened[]> => {
  const walked = ranges.map(({ spec }) => spec.entity)
  const all = ranges.flatMap(({ spec }) => [spec.entity, ...spec.carries])
  const { rows } = await client.query<{ entity: string; state: Reopened['state'] }>(
    `update sync.run_entities set state = case when entity = any($2) then 'fetching' else 'landing' end,
       reason = null, error_code = null, ended_at = null, sweep_requested_at = null
     where run_id = $1 and entity = any($3) and state in ('closed', 'unproven') returning entity, state`,
    [runId, walked, all],
  )
  return rows
}
