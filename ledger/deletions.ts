// What a reconciliation found to be gone: the rows that a proven walk did not show, taken once for each entity, and what is done
// about them. Must hold (invariant 8): nothing here deletes; each row is asked after by itself, or waits for an approval.
import type { MissingRow } from '../manifests/walk.ts'
import { inTransaction, type Pool, type PoolClient, type Queryable } from '../platform/postgres.ts'
import { canonicalEntity, hardReferences } from '../topics/canonical.ts'
import { HINT_OBSERVED_AT_SQL } from '../topics/hints.ts'
import { arePagesKept } from './partitions.ts'
import { insertRanges, type NewRange } from './ranges.ts'
import type { Run } from './runs.ts'
import { CLOCK_MARGIN } from './watermarks.ts'

export type ReconciliationState = 'confirming' | 'parked' | 'approved'

/** So many rows of an entity may be deleted without an approval: the larger of both. */
export interface DeletionLimit {
  readonly percent: number
  readonly rows: number
}

export const allowedDeletions = ({ percent, rows }: DeletionLimit, liveRows: number): number =>
  Math.max(rows, Math.floor((liveRows * percent) / 100))

/** Of these rows what names them: names in the SQL are those of the schemas, never from outside. */
const missingOf = (entity: string, condition: string): string => {
  const own = canonicalEntity(entity)
  const references = hardReferences(own)
  const joins = references.map(
    ({ column, parent }, i) =>
      `left join canonical."${canonicalEntity(parent).table}" p${i} on p${i}.org_id = t.org_id and p${i}.id = t."${column}"`,
  )
  const parents = references.map(({ parent }, i) => `'${parent}', p${i}.external_id`)
  return `select t.external_id, jsonb_strip_nulls(jsonb_build_object(${parents.join(', ')})) as parents
    from canonical."${own.table}" t ${joins.join(' ')}
    where t.org_id = $1 and t.source = $2 and t.deleted_at is null and ${condition} order by t.id`
}

/**
 * What somebody saw since the run began is there, whatever the walk showed. No clock of ours has seen what a webhook told: there the
 * source's own time says that it was so after the run began.
 */
const NOT_SEEN_SINCE = `case when t.observed_at = ${HINT_OBSERVED_AT_SQL} then coalesce(t.source_updated_at + ${CLOCK_MARGIN}, t.observed_at)
    else t.observed_at end < (select started_at from sync.runs where run_id = $3)`

const notShown = (entity: string): string =>
  missingOf(
    entity,
    `${NOT_SEEN_SINCE}
      and not exists (select from sync.seen s where s.run_id = $3 and s.entity = $4 and s.external_id = t.external_id)`,
  )

const liveRows = async (client: Queryable, { orgId, source }: Run, entity: string): Promise<number> => {
  const { rows } = await client.query<{ n: number }>(
    `select count(*) as n from canonical."${canonicalEntity(entity).table}" where org_id = $1 and source = $2 and deleted_at is null`,
    [orgId, source],
  )
  return rows[0]?.n ?? 0
}

const missingRow = (row: { external_id: string; parents: Record<string, string> }): MissingRow => ({
  externalId: row.external_id,
  parents: row.parents,
})

export interface Decided {
  readonly missing: number
  readonly liveRows: number
  readonly allowed: number
  readonly state: ReconciliationState
}

/**
 * Takes the rows that the entity's walk did not show, once: as many as are allowed get the ranges that `rangesOf` makes of them, with
 * which the entity is fetching again; more are parked. Undefined, and nothing done: another leader was first. To be called when
 * the walk is proven, and all its records have landed.
 */
export const decideDeletions = (
  pool: Pool,
  run: Run,
  entity: string,
  { limit, rangesOf }: { limit: DeletionLimit; rangesOf: (rows: readonly MissingRow[]) => readonly NewRange[] },
): Promise<Decided | undefined> =>
  inTransaction(pool, async (client) => {
    if (!(await holdLanding(client, run.runId, entity))) return undefined
    const { rows } = await client.query<{ external_id: string; parents: Record<string, string> }>(notShown(entity), [
      run.orgId,
      run.source,
      run.runId,
      entity,
    ])
    const live = await liveRows(client, run, entity)
    const [missing, allowed] = [rows.map(missingRow), allowedDeletions(limit, live)]
    const state = missing.length > allowed ? 'parked' : 'confirming'
    const { rowCount } = await client.query(
      `insert into sync.reconciliations (run_id, entity, state, live_rows, missing, allowed) values ($1, $2, $3, $4, $5, $6)
       on conflict do nothing`,
      [run.runId, entity, state, live, missing.length, allowed],
    )
    if (rowCount !== 1) return undefined
    if (state === 'parked') await parkDeletions(client, run.runId, entity, missing)
    else if (missing.length > 0) await confirmDeletions(client, run.runId, entity, rangesOf(missing))
    return { missing: missing.length, liveRows: live, allowed, state }
  })

/** Locks in one order: the run, its entities, its ranges. */
const holdLanding = async (client: PoolClient, runId: string, entity: string): Promise<boolean> => {
  await client.query('select from sync.runs where run_id = $1 for no key update', [runId])
  const { rowCount } = await client.query(
    `select from sync.run_entities e join sync.runs r using (run_id)
     where e.run_id = $1 and e.entity = $2 and e.state = 'landing' and r.state = 'running' for update of e`,
    [runId, entity],
  )
  return rowCount === 1
}

const parkDeletions = async (client: Queryable, runId: string, entity: string, rows: readonly MissingRow[]): Promise<void> => {
  await client.query(
    `insert into sync.parked_deletions (run_id, entity, external_id, parents)
     select $1, $2, external_id, parents from unnest($3::text[], $4::jsonb[]) as i(external_id, parents)`,
    [runId, entity, rows.map((row) => row.externalId), rows.map((row) => JSON.stringify(row.parents))],
  )
}

const confirmDeletions = async (client: Queryable, runId: string, entity: string, ranges: readonly NewRange[]): Promise<void> => {
  if (ranges.length === 0) return
  await client.query(
    `update sync.run_entities set state = 'fetching', sweep_requested_at = null, reason = 'rows that were not shown are asked after'
     where run_id = $1 and entity = $2`,
    [runId, entity],
  )
  await insertRanges(client, runId, ranges)
}

/** Rows of a parked deletion that are still there and that nobody has seen since its run began. */
export const approvedRows = async (client: Queryable, run: Run, entity: string): Promise<readonly MissingRow[]> => {
  const condition = `${NOT_SEEN_SINCE}
    and exists (select from sync.parked_deletions d where d.run_id = $3 and d.entity = $4 and d.external_id = t.external_id)`
  const { rows } = await client.query<{ external_id: string; parents: Record<string, string> }>(missingOf(entity, condition), [
    run.orgId,
    run.source,
    run.approves,
    entity,
  ])
  return rows.map(missingRow)
}

/** Of one entity of a reconciliation. */
export interface Reconciliation {
  readonly entity: string
  readonly state: ReconciliationState
  readonly liveRows: number
  readonly missing: number
  readonly allowed: number
  /** Rows that the source was asked for and does not have; of an approved one those of the runs that carried it out. Null: not known any more. */
  readonly gone: number | null
  /** Rows that it has all the same. */
  readonly kept: number | null
  /** The run that carries it out, latest first. */
  readonly approvedBy: string | null
}

const RECONCILIATIONS = `
  select c.entity, c.state, c.live_rows, c.missing, c.allowed, a.run_id as approved_by, coalesce(p.gone, 0) as gone, coalesce(p.kept, 0) as kept
  from sync.reconciliations c
  join sync.run_entities e using (run_id, entity)
  left join lateral (select run_id from sync.runs where approves = c.run_id order by created_at desc limit 1) a on true
  left join lateral (
    select count(*) filter (where p.fresh = 0 and p.raw_offset >= 0) as gone, count(*) filter (where p.fresh > 0) as kept
    from sync.ranges r join sync.pages p on p.run_id = r.run_id and p.range_id = r.range_id and p.accepted
    where r.run_id in (select c.run_id union select run_id from sync.runs where approves = c.run_id)
      and r.entity = c.entity and r.spec -> 'walk' ->> 'kind' = 'confirm') p on true
  where c.run_id = $1 order by e.ordinal`

/** What became of the rows that the walks of a run did not show, in plan order. */
export const reconciliationsOf = async (client: Queryable, runId: string): Promise<readonly Reconciliation[]> => {
  const { rows } = await client.query<{
    entity: string
    state: ReconciliationState
    live_rows: number
    missing: number
    allowed: number
    gone: number
    kept: number
    approved_by: string | null
  }>(RECONCILIATIONS, [runId])
  const isKept = new Map<string, boolean>()
  for (const { approved_by: askedBy } of rows) isKept.set(askedBy ?? runId, await arePagesKept(client, askedBy ?? runId))
  return rows.map(({ live_rows: live, approved_by: approvedBy, ...row }) => {
    const asked = isKept.get(approvedBy ?? runId) ? {} : { gone: null, kept: null }
    return { ...row, ...asked, liveRows: live, approvedBy }
  })
}
