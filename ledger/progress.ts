// How far the entities of runs are: goes in run ids, comes out one row per entity, which the orchestrator decides from. What was planned
// never changes and is read once; of entities that wait or have closed, only that.
import type { EntityPlan } from '../manifests/plan.ts'
import type { Queryable } from '../platform/postgres.ts'
import type { EntityState } from './entities.ts'
import { joinAcceptedPage } from './landings.ts'

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
  /** Dead letters among its records; counted in state `landing` only. */
  readonly dead: number
}

export type Repair = 'none' | 'ready' | 'done'

/** An entity as planned, and as it is while nothing else is to be said of it. */
interface Planned {
  readonly waiting: EntityProgress
  readonly closed: EntityProgress
}

/** What was planned for each run, in plan order: kept from one reading to the next. */
export type Plans = Map<string, readonly Planned[]>

const PLANNED = `
  select run_id as "runId", entity, ordinal, tier, hard, soft, carrier, carries, paging, changes, why
  from sync.run_entities where run_id = any($1) order by run_id, ordinal`

/** Nothing has come of it yet, or nothing is left to be said. */
export const IDLE: Omit<EntityProgress, keyof EntityPlan | 'state'> = {
  reason: null,
  errorCode: null,
  openRanges: 0,
  failedRange: null,
  openLandings: 0,
  parked: 0,
  sweep: 'none',
  repair: 'none',
  reconciled: false,
  dead: 0,
}

const readPlans = async (client: Queryable, runIds: readonly string[], plans: Plans): Promise<void> => {
  const unread = runIds.filter((runId) => !plans.has(runId))
  if (unread.length === 0) return
  const { rows } = await client.query<EntityPlan & { readonly runId: string }>(PLANNED, [unread])
  const byRun = new Map<string, Planned[]>()
  for (const { runId, ...plan } of rows) {
    const planned = byRun.get(runId) ?? []
    planned.push({ waiting: { ...plan, ...IDLE, state: 'waiting' }, closed: { ...plan, ...IDLE, state: 'closed' } })
    byRun.set(runId, planned)
  }
  for (const [runId, planned] of byRun) plans.set(runId, planned)
}

/** A repair that fails leaves rows parked; it says nothing against the walk. Rows that could not be asked after do. */
const IS_WALK = "r.spec -> 'walk' ->> 'kind' <> 'ids'"

const LANDINGS = `sync.landings l ${joinAcceptedPage('l')}`

const inLanding = (count: string): string => `case when e.state = 'landing' then (${count}) else 0 end`

/** One statement, so that all is of one moment. A letter for each entity, in plan order: w, c, or ? for one of `others`. */
const PROGRESS = `
  select u.run_id,
    (select string_agg(case e.state when 'waiting' then 'w' when 'closed' then 'c' else '?' end, '' order by e.ordinal)
     from sync.run_entities e where e.run_id = u.run_id) as states,
    (select jsonb_agg(o order by o.ordinal) from (
       select e.ordinal, e.state, e.reason, e.error_code as "errorCode",
         (select count(*) from sync.ranges r where r.run_id = e.run_id and r.entity in (e.carrier, e.entity) and r.state = 'open') as "openRanges",
         (select jsonb_build_object('code', r.error_code, 'reason', r.reason) from sync.ranges r
            where r.run_id = e.run_id and r.entity = e.entity and r.state = 'failed' and ${IS_WALK}
            order by r.range_id limit 1) as "failedRange",
         ${inLanding(`select count(*) from ${LANDINGS} where l.run_id = e.run_id and l.entity = e.entity and not l.complete`)} as "openLandings",
         ${inLanding('select count(*) from sync.landings l where l.run_id = e.run_id and l.entity = e.entity and bit_count(l.parked) > 0')} as parked,
         case when e.sweep_requested_at is null then 'none' when e.swept_at > e.sweep_requested_at then 'done' else 'requested' end as sweep,
         e.repair,
         exists (select from sync.reconciliations c where c.run_id = e.run_id and c.entity = e.entity) as reconciled,
         ${inLanding(`select coalesce(sum(bit_count(l.dead)), 0) from ${LANDINGS} where l.run_id = e.run_id and l.entity = e.entity and bit_count(l.dead) > 0`)} as dead
       from sync.run_entities e where e.run_id = u.run_id and e.state not in ('waiting', 'closed')) o) as others
  from unnest($1::uuid[]) as u(run_id)`

/** What is read anew of an entity that neither waits nor has closed. */
type Other = Omit<EntityProgress, keyof EntityPlan> & { readonly ordinal: number }

interface ProgressRow {
  readonly run_id: string
  readonly states: string | null
  readonly others: readonly Other[] | null
}

const progressOf = (planned: readonly Planned[], { states, others }: ProgressRow): readonly EntityProgress[] => {
  const byOrdinal = new Map((others ?? []).map((other) => [other.ordinal, other]))
  return planned.map(({ waiting, closed }, index) => {
    const letter = states?.[index]
    if (letter === 'w') return waiting
    return letter === 'c' ? closed : { ...closed, ...byOrdinal.get(closed.ordinal) }
  })
}

/** Progress of all entities of the runs, by run id, in plan order; `plans`: as read before, for the next time. */
export const entityProgress = async (
  client: Queryable,
  runIds: readonly string[],
  plans: Plans = new Map(),
): Promise<ReadonlyMap<string, readonly EntityProgress[]>> => {
  await readPlans(client, runIds, plans)
  const { rows } = await client.query<ProgressRow>(PROGRESS, [runIds])
  return new Map(rows.map((row) => [row.run_id, progressOf(plans.get(row.run_id) ?? [], row)]))
}
