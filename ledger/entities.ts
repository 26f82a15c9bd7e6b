// The entities of a run: planning them, and their guarded changes of state.
import type { EntityPlan } from '../manifests/plan.ts'
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { insertRanges, type NewRange } from './ranges.ts'
import { raiseWatermarks } from './watermarks.ts'

export const ENTITY_STATES = ['waiting', 'fetching', 'landing', 'closed', 'unproven', 'failed', 'skipped', 'cancelled'] as const
export type EntityState = (typeof ENTITY_STATES)[number]

/** Plans a run once: two leaders may try, one succeeds (true). */
export const planRun = (pool: Pool, runId: string, entities: readonly EntityPlan[]): Promise<boolean> =>
  inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `update sync.runs set state = 'running', started_at = coalesce(started_at, now()) where run_id = $1 and state = 'planned'`,
      [runId],
    )
    if (rowCount !== 1) return false
    await client.query(
      `insert into sync.run_entities (run_id, entity, ordinal, tier, state, hard, soft, carrier, carries, paging, changes, why)
       select $1, entity, ordinal, tier, 'waiting', hard, soft, carrier, carries, paging, changes, why
       from jsonb_to_recordset($2::jsonb) as e(entity text, ordinal int, tier int, hard text[], soft text[], carrier text,
         carries text[], paging jsonb, changes jsonb, why text)
       on conflict do nothing`,
      [runId, JSON.stringify(entities)],
    )
    return true
  })

export interface EntityChange {
  readonly entity: string
  readonly from: EntityState
  readonly to: EntityState
  readonly reason?: string | null
  readonly errorCode?: string | null
  /** Ranges that begin with this change, in its transaction. */
  readonly ranges?: readonly NewRange[]
}

const CHANGE = `
  update sync.run_entities e set state = c.to, reason = c.reason, error_code = c."errorCode",
    started_at = case when c.to = 'fetching' then coalesce(e.started_at, now()) else e.started_at end,
    ended_at = case when c.to in ('waiting', 'fetching', 'landing') then null else now() end,
    sweep_requested_at = case when c.to = 'fetching' then null else e.sweep_requested_at end
  from jsonb_to_recordset($2) as c(entity text, "from" text, "to" text, reason text, "errorCode" text), sync.runs r
  where e.run_id = $1 and e.entity = c.entity and e.state = c.from and r.run_id = e.run_id and r.state = 'running'
  returning e.entity`

/** What is left of a lost entity's walk costs no further call; who holds a range is refused its next receipt. */
const END_RANGES = `
  update sync.ranges r set state = 'failed', holder = null, wake_at = null, reason = coalesce(r.reason, 'the entity ' || e.state)
  from sync.run_entities e
  where r.run_id = $1 and r.entity = any($2) and r.state = 'open' and e.run_id = r.run_id and e.entity = r.entity`

/**
 * Guarded changes of state with the ranges that begin with them, in one transaction. Resolves to the entities that were changed: of the
 * others another leader was first, or the run is not running.
 */
export const changeEntities = (pool: Pool, runId: string, changes: readonly EntityChange[]): Promise<ReadonlySet<string>> =>
  inTransaction(pool, async (client) => {
    // Locks in one order: the run, its entities, its ranges.
    await client.query('select from sync.runs where run_id = $1 for no key update', [runId])
    const { rows } = await client.query<{ entity: string }>(CHANGE, [
      runId,
      JSON.stringify(changes.map(({ ranges: _, ...change }) => change)),
    ])
    const changed = new Set(rows.map(({ entity }) => entity))
    const made = changes.filter(({ entity }) => changed.has(entity))
    const into = (...states: readonly EntityState[]) => made.filter(({ to }) => states.includes(to)).map(({ entity }) => entity)
    const [lost, closed] = [into('failed', 'skipped'), into('closed')]
    if (lost.length > 0) await client.query(END_RANGES, [runId, lost])
    if (closed.length > 0) await raiseWatermarks(client, runId, closed)
    await insertRanges(
      client,
      runId,
      made.flatMap(({ ranges }) => ranges ?? []),
    )
    return changed
  })

export const requestSweep = async (client: Queryable, runId: string, entity: string): Promise<void> => {
  await client.query(
    "update sync.run_entities set sweep_requested_at = clock_timestamp() where run_id = $1 and entity = $2 and state = 'landing'",
    [runId, entity],
  )
}
