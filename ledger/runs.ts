// Runs: asking for one, finding them, and their changes of state. Every change is guarded by the state it starts from.
import { SynclineError } from '../platform/errors.ts'
import { inTransaction, type Pool, type Queryable, sqlState } from '../platform/postgres.ts'
import { uuidv7 } from '../platform/uuid.ts'
import { ensurePartitions } from './partitions.ts'
import { recordEnd, requireUnpaused } from './source-health.ts'
import type { RunnableStrategy } from './strategies.ts'

export const RUN_STATES = ['planned', 'running', 'paused', 'complete', 'complete_with_exceptions', 'failed', 'cancelled'] as const
export type RunState = (typeof RUN_STATES)[number]

export const hasEnded = (state: RunState): boolean => !['planned', 'running', 'paused'].includes(state)

export interface Run {
  readonly runId: string
  readonly orgId: string
  readonly source: string
  readonly adapter: string
  readonly strategy: RunnableStrategy
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
  strategy: RunnableStrategy
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
  'run_id, org_id, source, adapter, strategy, state, selection, error_code, reason, created_at, started_at, ended_at, state_since'

const fromRow = (row: RunRow): Run => ({
  runId: row.run_id,
  orgId: row.org_id,
  source: row.source,
  adapter: row.adapter,
  strategy: row.strategy,
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
  readonly strategy: RunnableStrategy
  readonly selection: readonly string[]
  /** The schedule that asks for it. */
  readonly schedule?: string
  /** The run that it takes up again. */
  readonly retryOf?: string
}

/**
 * Asks for a run within a transaction. Throws SynclineError('conflict') when its source is paused, and what PostgreSQL throws (23505) when
 * it has an active run of that strategy.
 */
export const insertRun = async (client: Queryable, run: NewRun): Promise<string> => {
  const runId = uuidv7()
  await requireUnpaused(client, run)
  await ensurePartitions(client, runId)
  await client.query(
    `insert into sync.runs (run_id, org_id, source, adapter, strategy, state, selection, schedule, retry_of)
     values ($1, $2, $3, $4, $5, 'planned', $6, $7, $8)`,
    [runId, run.orgId, run.source, run.adapter, run.strategy, run.selection, run.schedule ?? null, run.retryOf ?? null],
  )
  return runId
}

type OfSource = Pick<NewRun, 'orgId' | 'source'>

/** Asks for a run. Throws as insertRun does, but SynclineError('already-running') naming the holder when there is one. */
export const createRun = (pool: Pool, run: NewRun): Promise<string> =>
  orRunning(pool, run, () => inTransaction(pool, (client) => insertRun(client, run)))

/** What `insert` refused because of a run that has not ended becomes SynclineError('already-running'), which names that run. */
export const orRunning = async <T>(client: Queryable, of: OfSource, insert: () => Promise<T>): Promise<T> => {
  try {
    return await insert()
  } catch (error) {
    if (sqlState(error) !== '23505') throw error
    throw await alreadyRunning(client, of)
  }
}

const alreadyRunning = async (client: Queryable, { orgId, source }: OfSource): Promise<SynclineError> => {
  const holder = (await listRuns(client, { orgId, active: true })).find((run) => run.source === source)
  const since = holder ? ` since ${holder.createdAt.toISOString()}` : ''
  return new SynclineError(
    'already-running',
    `A full run of ${orgId}/${source} is ${holder?.state ?? 'active'}${since}: ${holder?.runId ?? ''}`,
    {
      remedy: `Watch it with: syncline status --org ${orgId}; end it with: syncline cancel --run ${holder?.runId ?? 'ID'}`,
      details: { runId: holder?.runId, state: holder?.state },
    },
  )
}

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
  readonly active?: boolean
  readonly limit?: number
}

/** Newest first. */
export const listRuns = async (client: Queryable, { orgId, active, limit = 50 }: RunFilter): Promise<readonly Run[]> => {
  const { rows } = await client.query<RunRow>(
    `select ${COLUMNS} from sync.runs
     where ($1::text is null or org_id = $1) and (not $2 or state in ('planned', 'running', 'paused'))
     order by created_at desc limit $3`,
    [orgId ?? null, active ?? false, limit],
  )
  return rows.map(fromRow)
}

/** Runs that are planned or running, those that were asked for first first. */
export const activeRuns = async (client: Queryable, limit: number): Promise<readonly Run[]> => {
  const { rows } = await client.query<RunRow>(
    `select ${COLUMNS} from sync.runs where state in ('planned', 'running') order by created_at limit $1`,
    [limit],
  )
  return rows.map(fromRow)
}

const TRANSITIONS = {
  pause: { from: ['planned', 'running'], to: 'paused' },
  resume: { from: ['paused'], to: 'running' },
  cancel: { from: ['planned', 'running', 'paused'], to: 'cancelled' },
} as const satisfies Record<string, { from: readonly RunState[]; to: RunState }>

/**
 * An operator's change of state. Throws SynclineError('usage') for an unknown run, 'conflict' when its state does not allow it, or when it is to
 * go on and its source is paused.
 */
export const changeRun = (pool: Pool, runId: string, change: keyof typeof TRANSITIONS): Promise<Run> =>
  inTransaction(pool, async (client) => {
    const { from, to } = TRANSITIONS[change]
    const { rows: found } = await client.query<OfSource>(
      'select org_id as "orgId", source from sync.runs where run_id = $1 for no key update',
      [runId],
    )
    if (change === 'resume' && found[0] !== undefined) await requireUnpaused(client, found[0])
    const { rows } = await client.query<RunRow>(
      `update sync.runs r set ended_at = case when $3 = 'cancelled' then now() end,
         state = case when $3 = 'running' and not exists (select from sync.run_entities e where e.run_id = r.run_id) then 'planned' else $3 end
       where run_id = $1 and state = any($2) returning ${COLUMNS}`,
      [runId, from, to],
    )
    if (rows[0] === undefined) throw await cannotChange(client, runId, change)
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
