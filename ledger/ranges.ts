// The range row is the truth about a walk: holder, epoch, cursor, page. Taking, releasing, ending and waking ranges.
import type { Json, RangeSpec, WalkSpec } from '../manifests/walk.ts'
import type { ErrorCode } from '../platform/errors.ts'
import type { Queryable } from '../platform/postgres.ts'
import type { FetchCommand } from '../topics/commands.ts'
import { REVISION } from './connection-revision.ts'
import { joinAcceptedPage } from './landings.ts'
import { lapsed } from './workers.ts'

export interface RangeKey {
  readonly runId: string
  readonly rangeId: number
}

export interface TakenRange extends RangeKey {
  readonly orgId: string
  readonly source: string
  readonly adapter: string
  /** Of its connection, as it is now (connection-revision.ts). */
  readonly revision: string
  /** Of its run. */
  readonly strategy: string
  readonly spec: RangeSpec
  /** The epoch of this taking: the attempt of every page fetched under it. */
  readonly epoch: number
  readonly cursor: Json | null
  readonly nextPage: number
  readonly failures: number
}

interface TakenRow {
  run_id: string
  range_id: number
  org_id: string
  source: string
  adapter: string
  revision: string
  strategy: string
  spec: RangeSpec
  epoch: number
  cursor: Json | null
  next_page: number
  failures: number
}

const TAKE = `
  update sync.ranges r set epoch = r.epoch + 1, holder = $4, wake_at = now() + interval '10 seconds', wake_delay_ms = 10000,
    emitted_at = null, waiting_for = null, waiting_since = null
  from sync.runs u join sync.connections c using (org_id, source)
  where r.run_id = $1 and r.range_id = $2 and r.epoch = $3 and r.state = 'open' and ${lapsed('r.holder')}
    and u.run_id = r.run_id and u.state = 'running'
  returning r.run_id, r.range_id, u.org_id, u.source, u.adapter, ${REVISION} as revision, u.strategy, r.spec, r.epoch, r.cursor, r.next_page, r.failures`

/** Takes the range that a command names, raising its epoch; undefined when the command may not take it (any more): drop it. */
export const takeRange = async (client: Queryable, command: FetchCommand, workerId: string): Promise<TakenRange | undefined> => {
  const { rows } = await client.query<TakenRow>(TAKE, [command.runId, command.rangeId, command.epoch, workerId])
  const row = rows[0]
  return (
    row && {
      runId: row.run_id,
      rangeId: row.range_id,
      orgId: row.org_id,
      source: row.source,
      adapter: row.adapter,
      revision: row.revision,
      strategy: row.strategy,
      spec: row.spec,
      epoch: row.epoch,
      cursor: row.cursor,
      nextPage: row.next_page,
      failures: row.failures,
    }
  )
}

export interface Release {
  /** When the leader should wake the range, if no successor command does. */
  readonly wakeInMs: number
  /** What it waits for, for `status`; null when it just goes on. */
  readonly waitingFor: 'limit' | 'landing' | 'retry' | 'redis' | 'authorisation' | null
  readonly reason?: string
  /** Calls made since the last receipt. */
  readonly calls?: number
  /** Consecutive failures; receipts set it to 0. */
  readonly failures?: number
  /** The position to go on from, when it is another than that of the last receipt (a smaller page). */
  readonly cursor?: Json
}

/** Gives the range up without a receipt. False: it was not held under this epoch any more. */
export const releaseRange = async (
  client: Queryable,
  range: RangeKey & { epoch: number },
  workerId: string,
  r: Release,
): Promise<boolean> => {
  const { rowCount } = await client.query(
    `update sync.ranges set holder = null, wake_at = now() + $5 * interval '1 millisecond', waiting_for = $6, reason = $7,
       waiting_since = case when $6::text is null then null else coalesce(waiting_since, now()) end,
       calls = calls + $8, failures = coalesce($9, failures), cursor = coalesce($10, cursor)
     where run_id = $1 and range_id = $2 and epoch = $3 and holder = $4`,
    [
      range.runId,
      range.rangeId,
      range.epoch,
      workerId,
      r.wakeInMs,
      r.waitingFor,
      r.reason ?? null,
      r.calls ?? 0,
      r.failures ?? null,
      r.cursor === undefined ? null : JSON.stringify(r.cursor),
    ],
  )
  return rowCount === 1
}

/**
 * Gives up what the ledger says this worker holds and the worker does not know of: the answer to a taking or a release was lost.
 * `inHand` must name every range from before its taking until after its end.
 */
export const releaseStrays = async (client: Queryable, workerId: string, inHand: readonly RangeKey[]): Promise<number> => {
  const { rowCount } = await client.query(
    `update sync.ranges set holder = null, wake_at = now() where holder = $1 and (run_id, range_id) not in
       (select * from unnest($2::uuid[], $3::int[]))`,
    [workerId, inHand.map((range) => range.runId), inHand.map((range) => range.rangeId)],
  )
  return rowCount ?? 0
}

/** Ends the range as failed: its entity fails with this reason. */
export const failRange = async (
  client: Queryable,
  range: RangeKey & { epoch: number },
  workerId: string,
  failure: { code: ErrorCode; reason: string; calls: number },
): Promise<void> => {
  await client.query(
    `update sync.ranges set state = 'failed', holder = null, wake_at = null, error_code = $5, reason = $6, calls = calls + $7
     where run_id = $1 and range_id = $2 and epoch = $3 and holder = $4`,
    [range.runId, range.rangeId, range.epoch, workerId, failure.code, failure.reason, failure.calls],
  )
}

/** Pages of the range that were received and have not landed: the measure of back-pressure. */
export const openPages = async (client: Queryable, range: RangeKey & { spec: RangeSpec }): Promise<number> => {
  const { rows } = await client.query<{ open: number }>(
    `select count(distinct l.page) as open from sync.landings l ${joinAcceptedPage('l', '', '$1')}
     where l.run_id = $1 and l.range_id = $2 and l.entity = any($3) and not l.complete`,
    [range.runId, range.rangeId, [range.spec.entity, ...range.spec.carries]],
  )
  return rows[0]?.open ?? 0
}

/** Open ranges of one entity of a run. */
export const openRanges = async (client: Queryable, runId: string, entity: string): Promise<number> => {
  const { rows } = await client.query<{ open: number }>(
    "select count(*) as open from sync.ranges where run_id = $1 and entity = $2 and state = 'open'",
    [runId, entity],
  )
  return rows[0]?.open ?? 0
}

/**
 * Splits a keyset range in the transaction of a receipt: the range keeps the first part, the others become new ranges.
 * To be called by the holder.
 */
export const splitRange = async (client: Queryable, range: TakenRange, parts: readonly WalkSpec[]): Promise<void> => {
  const [own, ...others] = parts
  if (own === undefined) return
  const { rows } = await client.query<{ counted: boolean }>(
    `update sync.ranges set spec = jsonb_set(spec, '{walk}', $4) where run_id = $1 and range_id = $2 and epoch = $3 returning counted`,
    [range.runId, range.rangeId, range.epoch, JSON.stringify(own)],
  )
  const whole = rows[0]
  if (whole === undefined) return
  await insertRanges(
    client,
    range.runId,
    others.map((walk) => ({ spec: { ...range.spec, walk }, counted: whole.counted })),
  )
}

export interface NewRange {
  readonly spec: RangeSpec
  readonly counted: boolean
}

/** Adds ranges to a run, numbered on from its last; due at once. The caller holds the run's row or one of its ranges. */
export const insertRanges = async (client: Queryable, runId: string, ranges: readonly NewRange[]): Promise<void> => {
  if (ranges.length === 0) return
  // Two entities of a run may start ranges at once; the run row orders them.
  await client.query('select from sync.runs where run_id = $1 for no key update', [runId])
  await client.query(
    `insert into sync.ranges (run_id, range_id, entity, spec, counted)
     select $1, last.id + i.n, i.spec ->> 'entity', i.spec, i.counted
     from unnest($2::jsonb[], $3::boolean[]) with ordinality as i(spec, counted, n),
       (select coalesce(max(range_id), -1) as id from sync.ranges where run_id = $1) as last`,
    [runId, ranges.map((r) => JSON.stringify(r.spec)), ranges.map((r) => r.counted)],
  )
}

interface CommandRow {
  run_id: string
  range_id: number
  entity: string
  epoch: number
  org_id: string
  source: string
  adapter: string
}

const commandOf = (row: CommandRow): FetchCommand => ({
  type: 'fetch',
  runId: row.run_id,
  orgId: row.org_id,
  source: row.source,
  adapter: row.adapter,
  entity: row.entity,
  rangeId: row.range_id,
  epoch: row.epoch,
})

/**
 * Ranges that are due and that nobody holds, of running runs, as commands; moves their wake-up on (10 s doubling to 30 s), so
 * that a lost command is emitted again and a slow one not too often.
 */
export const wakeDueRanges = async (client: Queryable, limit: number): Promise<readonly FetchCommand[]> => {
  const { rows } = await client.query<CommandRow>(
    `with due as (
       select r.run_id, r.range_id, u.org_id, u.source, u.adapter
       from sync.ranges r join sync.runs u using (run_id)
       where r.state = 'open' and r.wake_at <= now() and u.state = 'running' and ${lapsed('r.holder')}
       order by r.wake_at limit $1 for update of r skip locked)
     update sync.ranges r set wake_at = now() + r.wake_delay_ms * interval '1 millisecond',
       wake_delay_ms = least(r.wake_delay_ms * 2, 30000), emitted_at = now()
     from due where r.run_id = due.run_id and r.range_id = due.range_id
     returning r.run_id, r.range_id, r.entity, r.epoch, due.org_id, due.source, due.adapter`,
    [limit],
  )
  return rows.map(commandOf)
}

/**
 * Ranges whose command was emitted a second ago or more and that no fetcher has taken, as commands; organisations by turns. Those emitted
 * more than a minute ago are of runs that do not go on: a command is emitted again within half of it.
 */
export const rangesThatWait = async (client: Queryable, limit: number): Promise<readonly FetchCommand[]> => {
  const { rows } = await client.query<CommandRow>(
    `with waiting as (
       select r.run_id, r.range_id, r.entity, r.epoch, r.emitted_at, u.org_id, u.source, u.adapter
       from sync.ranges r join sync.runs u using (run_id)
       where r.state = 'open' and r.holder is null and u.state = 'running'
         and r.emitted_at between now() - interval '1 minute' and now() - interval '1 second'
       order by r.emitted_at limit 1000)
     select run_id, range_id, entity, epoch, org_id, source, adapter from waiting
     order by row_number() over (partition by org_id order by emitted_at), emitted_at limit $1`,
    [limit],
  )
  return rows.map(commandOf)
}
