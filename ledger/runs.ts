// Runs: asking for one, finding them, and their changes of state. Every change is guarded by the state it starts from.
import type { Strategy } from '../manifests/strategy.ts'
import { SynclineError } from '../platform/errors.ts'
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { uuidv7 } from '../platform/uuid.ts'
import { ensurePartitions } from './partitions.ts'
import { recordEnd, requireUnpaused } from './source-health.ts'

export const RUN_STATES = ['planned', 'running', 'paused', 'complete', 'complete_with_exceptions', 'failed', 'cancelled'] as const
export type RunState = (typeof RUN_STATES)[number]

export const hasEnded = (state: RunState): boolean => !['planned', 'running', 'paused'].includes(state)

/** Paused because its connection has to be authorised again; goes on by itself when it is. */
export const waitsForAuthorisation = ({ state, errorCode }: Pick<Run, 'state' | 'errorCode'>): boolean =>
  state === 'paused' && errorCode === 'auth'

export interface Run {
  readonly runId: string
  readonly orgId: string
  readonly source: string
  readonly adapter: string
  readonly strategy: Strategy
  /** Of a delta: an operator's moment, in place of the watermarks. */
  readonly changedSince: Date | null
  /** The reconciliation whose parked deletions it carries out; it walks nothing. */
  readonly approves: string | null
  readonly state: RunState
  /** Entities asked for, in the manifest's names. */
  readonly selection: readonly string[]
  readonly errorCode: string | null
  readonly reason: string | null
  readonly createdAt: Date
  readonly startedAt: Date | null
  readonly endedAt: Date | null
  /** When it came to the state it is in. */
  readonly stateSince: Date
}

interface RunRow {
  run_id: string
  org_id: string
  source: string
  adapter: string
  strategy: Strategy
  changed_since: Date | null
  approves: string | null
  state: RunState
  selection: string[]
  error_code: string | null
  reason: string | null
  created_at: Date
  started_at: Date | null
  ended_at: Date | null
  state_since: Date
}

const COLUMNS =
  'run_id, org_id, source, adapter, strategy, changed_since, approves, state, selection, error_code, reason, created_at, started_at, ended_at, state_since'

const fromRow = (row: RunRow): Run => ({
  runId: row.run_id,
  orgId: row.org_id,
  source: row.source,
  adapter: row.adapter,
  strategy: row.strategy,
  changedSince: row.changed_since,
  approves: row.approves,
  state: row.state,
  selection: row.selection,
  errorCode: row.error_code,
  reason: row.reason,
  createdAt: row.created_at,
  startedAt: row.started_at,
  endedAt: row.ended_at,
  stateSince: row.state_since,
})

export interface NewRun {
  readonly orgId: string
  readonly source: string
  readonly adapter: string
  readonly strategy: Strategy
  /** Empty: all entities. */
  readonly selection: readonly string[]
  /** Of a delta: from this moment on, in place of the watermarks. */
  readonly changedSince?: Date
  /** The reconciliation whose parked deletions it carries out. */
  readonly approves?: string
  /** The schedule that asks for it. */
  readonly schedule?: string
  /** The run that it takes up again. */
  readonly retryOf?: string
}

/**
 * Asks for a run. Throws SynclineError('already-running') naming the holder: of each entity of an organisation and source one backfill
 * (full or reconcile) may be active at a time, and one delta beside it. Throws 'paused' when the source is.
 */
export const createRun = (pool: Pool, run: NewRun): Promise<string> => inTransaction(pool, (client) => insertRun(client, run))

/** The same, in the caller's transaction. */
export const insertRun = async (client: Queryable, run: NewRun): Promise<string> => {
  const runId = uuidv7()
  // Who asks for another run of this connection waits here.
  await client.query('select from sync.connections where org_id = $1 and source = $2 for no key update', [run.orgId, run.source])
  await requireUnpaused(client, run)
  const holder = await holderOf(client, run)
  if (holder !== undefined) throw alreadyRunning(holder)
  await ensurePartitions(client, runId)
  await client.query(
    `insert into sync.runs (run_id, org_id, source, adapter, strategy, state, selection, changed_since, approves, schedule, retry_of)
     values ($1, $2, $3, $4, $5, 'planned', $6, $7, $8, $9, $10)`,
    [
      runId,
      run.orgId,
      run.source,
      run.adapter,
      run.strategy,
      run.selection,
      run.changedSince ?? null,
      run.approves ?? null,
      run.schedule ?? null,
      run.retryOf ?? null,
    ],
  )
  return runId
}

/** An active run that reads some of the same entities, in the same way: both backfills, or both deltas. */
const holderOf = async (client: Queryable, { orgId, source, strategy, selection }: NewRun): Promise<Run | undefined> => {
  const { rows } = await client.query<RunRow>(
    `select ${COLUMNS} from sync.runs where org_id = $1 and source = $2 and state in ('planned', 'running', 'paused')
       and (strategy = 'delta') = ($3 = 'delta') and (selection && $4 or selection = '{}' or $4 = '{}') order by created_at limit 1`,
    [orgId, source, strategy, selection],
  )
  return rows[0] && fromRow(rows[0])
}

const alreadyRunning = ({ runId, orgId, source, strategy, state, createdAt }: Run): SynclineError =>
  new SynclineError(
    'already-running',
    `A ${strategy === 'reconcile' ? 'reconciliation' : `${strategy} run`} of ${orgId}/${source} is ${state} since ${createdAt.toISOString()}: ${runId}`,
    {
      remedy: `Watch it with: syncline status --org ${orgId}; end it with: syncline cancel --run ${runId}`,
      details: { runId, state },
    },
  )

export const findRun = async (client: Queryable, runId: string): Promise<Run | undefined> => {
  const { rows } = await client.query<RunRow>(`select ${COLUMNS} from sync.runs where run_id = $1`, [runId])
  return rows[0] && fromRow(rows[0])
}

/** Whose the runs are, by run id; unknown runs are left out. One statement for any number of them. */
export const ownersOfRuns = async (
  client: Queryable,
  runIds: ReadonlySet<string>,
): Promise<ReadonlyMap<string, { readonly orgId: string; readonly source: string }>> => {
  if (runIds.size === 0) return new Map()
  const { rows } = await client.query<{ run_id: string; org_id: string; source: string }>(
    'select run_id, org_id, source from sync.runs where run_id = any($1::uuid[])',
    [[...runIds]],
  )
  return new Map(rows.map((row) => [row.run_id, { orgId: row.org_id, source: row.source }]))
}

export interface RunFilter {
  readonly orgId?: string
  readonly source?: string
  readonly active?: boolean
  readonly limit?: number
}

/** Newest first. */
export const listRuns = async (client: Queryable, { orgId, source, active, limit = 50 }: RunFilter): Promise<readonly Run[]> => {
  const { rows } = await client.query<RunRow>(
    `select ${COLUMNS} from sync.runs
     where ($1::text is null or org_id = $1) and (not $2 or state in ('planned', 'running', 'paused'))
       and ($4::text is null or source = $4)
     order by created_at desc limit $3`,
    [orgId ?? null, active ?? false, limit, source ?? null],
  )
  return rows.map(fromRow)
}

/** Runs that are planned or running: deltas and approvals first, then backfills that have begun; of each those that were asked for first. */
export const activeRuns = async (client: Queryable, limit: number): Promise<readonly Run[]> => {
  const { rows } = await client.query<RunRow>(
    `select ${COLUMNS} from sync.runs where state in ('planned', 'running')
     order by strategy <> 'delta' and approves is null, state = 'planned', created_at limit $1`,
    [limit],
  )
  return rows.map(fromRow)
}

/** How many backfills are running that began within so many seconds, and of which nothing waits for its vendor. */
export const beginningBackfills = async (client: Queryable, seconds: number): Promise<number> => {
  const { rows } = await client.query<{ beginning: number }>(
    `select count(*)::int as beginning from sync.runs r
     where state = 'running' and strategy <> 'delta' and approves is null and started_at > now() - make_interval(secs => $1)
       and not exists (select from sync.ranges w where w.run_id = r.run_id and w.state = 'open'
         and w.waiting_for in ('limit', 'retry', 'authorisation'))`,
    [seconds],
  )
  return rows[0]?.beginning ?? 0
}

const TRANSITIONS = {
  pause: { from: ['planned', 'running'], to: 'paused' },
  resume: { from: ['paused'], to: 'running' },
  cancel: { from: ['planned', 'running', 'paused'], to: 'cancelled' },
} as const satisfies Record<string, { from: readonly RunState[]; to: RunState }>

export type RunChange = keyof typeof TRANSITIONS

/** An operator's change of state. Throws as changeRunIfCan, 'usage' for an unknown run, and 'conflict' when its state does not allow it. */
export const changeRun = async (pool: Pool, runId: string, change: RunChange): Promise<Run> => {
  const changed = await changeRunIfCan(pool, runId, change)
  if (changed === undefined) throw await cannotChange(pool, runId, change)
  return changed
}

/** The same for one of several: undefined when its state does not allow it. Throws SynclineError('paused') when its source is, to go on. */
export const changeRunIfCan = (pool: Pool, runId: string, change: RunChange): Promise<Run | undefined> =>
  inTransaction(pool, async (client) => {
    const { from, to } = TRANSITIONS[change]
    const { rows: found } = await client.query<Pick<Run, 'orgId' | 'source'>>(
      'select org_id as "orgId", source from sync.runs where run_id = $1 for no key update',
      [runId],
    )
    if (change === 'resume' && found[0] !== undefined) await requireUnpaused(client, found[0])
    const { rows } = await client.query<RunRow>(
      `update sync.runs r set ended_at = case when $3 = 'cancelled' then now() end, error_code = null, reason = null,
         state = case when $3 = 'running' and not exists (select from sync.run_entities e where e.run_id = r.run_id) then 'planned' else $3 end
       where run_id = $1 and state = any($2) returning ${COLUMNS}`,
      [runId, from, to],
    )
    if (rows[0] === undefined) return undefined
    if (change === 'cancel') await cancelEntities(client, runId)
    // What waited for the run to go on is due at once.
    if (change === 'resume')
      await client.query("update sync.ranges set wake_at = now() where run_id = $1 and state = 'open'", [runId])
    return fromRow(rows[0])
  })

const cannotChange = async (client: Queryable, runId: string, change: string): Promise<SynclineError> => {
  const run = await findRun(client, runId)
  if (run === undefined)
    return new SynclineError('usage', `There is no run ${runId}.`, { remedy: 'List them with: syncline runs' })
  return new SynclineError('conflict', `Run ${runId} is ${run.state} and cannot ${change}.`, {
    remedy: `See: syncline show --run ${runId}`,
  })
}

const cancelEntities = async (client: Queryable, runId: string): Promise<void> => {
  await client.query(
    `update sync.run_entities set state = 'cancelled', ended_at = now()
     where run_id = $1 and state in ('waiting', 'fetching', 'landing')`,
    [runId],
  )
}

/** The orchestrator's end of a run, and what it says about its source. False: it was not active any more. */
export const endRun = (
  pool: Pool,
  runId: string,
  end: { state: 'complete' | 'complete_with_exceptions' | 'failed'; errorCode: string | null; reason: string | null },
): Promise<boolean> =>
  inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ orgId: string; source: string }>(
      `update sync.runs set state = $2, error_code = $3, reason = $4, ended_at = now()
       where run_id = $1 and state in ('planned', 'running') returning org_id as "orgId", source`,
      [runId, end.state, end.errorCode, end.reason],
    )
    if (rows[0] === undefined) return false
    await recordEnd(client, { ...rows[0], runId, failed: end.state === 'failed' })
    return true
  })
