// The entities of a run: planning them, what is known of each, and their guarded changes of state.
import type { Paging } from '../manifests/manifest.ts'
import type { EntityPlan } from '../manifests/plan.ts'
import type { Changes } from '../manifests/strategy.ts'
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { insertRanges, type NewRange } from './ranges.ts'
import { raiseWatermark } from './watermarks.ts'

export const ENTITY_STATES = ['waiting', 'fetching', 'landing', 'closed', 'unproven', 'failed', 'skipped', 'cancelled'] as const
export type EntityState = (typeof ENTITY_STATES)[number]

/** What the orchestrator decides from: one row per entity of an active run. */
export interface EntityProgress extends EntityPlan {
  readonly state: EntityState
  readonly reason: string | null
  readonly errorCode: string | null
  /** Ranges of the walk that yields this entity (its carrier's, when carried), and those that ask for records of it by id. */
  readonly openRanges: number
  readonly failedRange: { readonly code: string; readonly reason: string } | null
  /** Landing rows of accepted pages with records missing; counted in state `landing` only. */
  readonly openLandings: number
  /** Landing rows with parked records; counted in state `landing` only. */
  readonly parked: number
  readonly sweep: 'none' | 'requested' | 'done'
  /** Of the parents that its parked rows wait for: `ready` when it would close but for them; `done` when they were asked for. */
  readonly repair: Repair
  /** What its walk did not show has been taken (deletions.ts). */
  readonly reconciled: boolean
  /** Dead letters among its records. */
  readonly dead: number
}

export type Repair = 'none' | 'ready' | 'done'

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

/** A repair that fails leaves rows parked; it says nothing against the walk. Rows that could not be asked after do. */
const IS_WALK = "r.spec -> 'walk' ->> 'kind' <> 'ids'"

const PROGRESS = `
  select e.run_id, e.entity, e.ordinal, e.tier, e.hard, e.soft, e.carrier, e.carries, e.paging, e.changes, e.why, e.state, e.reason, e.error_code,
    (select count(*) from sync.ranges r where r.run_id = e.run_id and r.entity in (e.carrier, e.entity) and r.state = 'open') as open_ranges,
    (select jsonb_build_object('code', r.error_code, 'reason', r.reason) from sync.ranges r
       where r.run_id = e.run_id and r.entity = e.entity and r.state = 'failed' and ${IS_WALK} order by r.range_id limit 1) as failed_range,
    case when e.state = 'landing' then (
      select count(*) from sync.landings l join sync.pages p using (run_id, range_id, page, attempt)
      where l.run_id = e.run_id and l.entity = e.entity and not l.complete and p.accepted) else 0 end as open_landings,
    case when e.state = 'landing' then (
      select count(*) from sync.landings l where l.run_id = e.run_id and l.entity = e.entity and bit_count(l.parked) > 0) else 0 end as parked,
    case when e.sweep_requested_at is null then 'none' when e.swept_at > e.sweep_requested_at then 'done' else 'requested' end as sweep, e.repair,
    exists (select from sync.reconciliations c where c.run_id = e.run_id and c.entity = e.entity) as reconciled,
    case when e.state = 'landing' then (
      select coalesce(sum(bit_count(l.dead)), 0)::int from sync.landings l join sync.pages p using (run_id, range_id, page, attempt)
      where l.run_id = e.run_id and l.entity = e.entity and p.accepted and bit_count(l.dead) > 0) else 0 end as dead
  from sync.run_entities e where e.run_id = any($1) order by e.run_id, e.ordinal`

interface ProgressRow {
  run_id: string
  entity: string
  ordinal: number
  tier: number
  hard: string[]
  soft: string[]
  carrier: string | null
  carries: string[]
  paging: Paging
  changes: Changes | null
  why: string | null
  state: EntityState
  reason: string | null
  error_code: string | null
  open_ranges: number
  failed_range: { code: string; reason: string } | null
  open_landings: number
  parked: string | number
  sweep: 'none' | 'requested' | 'done'
  repair: Repair
  reconciled: boolean
  dead: number
}

/** Progress of all entities of the runs, by run id, in plan order. */
export const entityProgress = async (
  client: Queryable,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, readonly EntityProgress[]>> => {
  const byRun = new Map<string, EntityProgress[]>(runIds.map((id) => [id, []]))
  const { rows } = await client.query<ProgressRow>(PROGRESS, [runIds])
  for (const row of rows) {
    byRun.get(row.run_id)?.push({
      entity: row.entity,
      ordinal: row.ordinal,
      tier: row.tier,
      hard: row.hard,
      soft: row.soft,
      carrier: row.carrier,
      carries: row.carries,
      paging: row.paging,
      changes: row.changes,
      why: row.why,
      state: row.state,
      reason: row.reason,
      errorCode: row.error_code,
      openRanges: row.open_ranges,
      failedRange: row.failed_range,
      openLandings: row.open_landings,
      parked: Number(row.parked),
      sweep: row.sweep,
      repair: row.repair,
      reconciled: row.reconciled,
      dead: row.dead,
    })
  }
  return byRun
}

export interface EntityChange {
  readonly from: EntityState
  readonly to: EntityState
  readonly reason?: string | null
  readonly errorCode?: string | null
  /** Ranges that begin with this change, in its transaction. */
  readonly ranges?: readonly NewRange[]
}

/** What is left of a failed entity's walk costs no further call; who holds a range is refused its next receipt. */
const endOpenRanges = async (client: Queryable, runId: string, entity: string, why: string): Promise<void> => {
  await client.query(
    `update sync.ranges set state = 'failed', holder = null, wake_at = null, reason = coalesce(reason, 'the entity ' || $3)
     where run_id = $1 and entity = $2 and state = 'open'`,
    [runId, entity, why],
  )
}

/** One guarded change of state with the ranges that begin with it. False: another leader was first, or the run is not running. */
export const changeEntity = (pool: Pool, runId: string, entity: string, change: EntityChange): Promise<boolean> =>
  inTransaction(pool, async (client) => {
    // Locks in one order: the run, its entities, its ranges.
    await client.query('select from sync.runs where run_id = $1 for no key update', [runId])
    const { rowCount } = await client.query(
      `update sync.run_entities e set state = $4, reason = $5, error_code = $6,
         started_at = case when $4 = 'fetching' then coalesce(e.started_at, now()) else e.started_at end,
         ended_at = case when $4 in ('waiting', 'fetching', 'landing') then null else now() end,
         sweep_requested_at = case when $4 = 'fetching' then null else e.sweep_requested_at end
       from sync.runs r where e.run_id = $1 and e.entity = $2 and e.state = $3 and r.run_id = e.run_id and r.state = 'running'`,
      [runId, entity, change.from, change.to, change.reason ?? null, change.errorCode ?? null],
    )
    if (rowCount !== 1) return false
    if (change.to === 'failed' || change.to === 'skipped') await endOpenRanges(client, runId, entity, change.to)
    if (change.to === 'closed') await raiseWatermark(client, runId, entity)
    await insertRanges(client, runId, change.ranges ?? [])
    return true
  })

export const requestSweep = async (client: Queryable, runId: string, entity: string): Promise<void> => {
  await client.query(
    "update sync.run_entities set sweep_requested_at = clock_timestamp() where run_id = $1 and entity = $2 and state = 'landing'",
    [runId, entity],
  )
}
