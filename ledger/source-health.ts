// How the sources fare: failures in a row, pauses, and that operators are told of both. No run begins on a paused source.
import { SynclineError } from '../platform/errors.ts'
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { queueNotification } from './notifications.ts'

export interface SourceName {
  readonly orgId: string
  readonly source: string
}

export interface SourceHealth extends SourceName {
  readonly failures: number
  readonly pausedAt: Date | null
  readonly pauseReason: string | null
}

/** Sources that are paused or failed lately; the others have no row. */
export const troubledSources = async (client: Queryable, orgId?: string): Promise<readonly SourceHealth[]> => {
  const { rows } = await client.query<SourceHealth>(
    `select org_id as "orgId", source, failures, paused_at as "pausedAt", pause_reason as "pauseReason" from sync.source_health
     where (failures > 0 or paused_at is not null) and ($1::text is null or org_id = $1) order by org_id, source`,
    [orgId ?? null],
  )
  return rows
}

const PAUSE_LOCK = 7_301_955

/** Until the end of the transaction: a run that begins is seen by who pauses its source, or sees that it is paused. */
const lockPause = async (client: Queryable, { orgId, source }: SourceName, mode: 'shared' | 'exclusive'): Promise<void> => {
  const lock = mode === 'shared' ? 'pg_advisory_xact_lock_shared' : 'pg_advisory_xact_lock'
  await client.query(`select ${lock}($1, hashtext($2))`, [PAUSE_LOCK, `${orgId}/${source}`])
}

interface Pause {
  paused_at: Date
  pause_reason: string | null
}

/** It stays what it is until the end of the transaction. */
const pauseOf = async (client: Queryable, source: SourceName): Promise<Pause | undefined> => {
  await lockPause(client, source, 'shared')
  const { rows } = await client.query<Pause>(
    'select paused_at, pause_reason from sync.source_health where org_id = $1 and source = $2 and paused_at is not null',
    [source.orgId, source.source],
  )
  return rows[0]
}

/** In the transaction that lets runs go on. */
export const isPaused = async (client: Queryable, source: SourceName): Promise<boolean> =>
  (await pauseOf(client, source)) !== undefined

/** In the transaction that begins a run, and to ask beforehand. Throws SynclineError('paused') when its source is. */
export const requireUnpaused = async (client: Queryable, source: SourceName): Promise<void> => {
  const paused = await pauseOf(client, source)
  if (paused === undefined) return
  const why = paused.pause_reason === null ? '' : `: ${paused.pause_reason}`
  throw new SynclineError('paused', `${source.orgId}/${source.source} is paused since ${paused.paused_at.toISOString()}${why}.`, {
    remedy: `Go on with: syncline resume --org ${source.orgId} --source ${source.source}`,
  })
}

/** False: it was paused already. */
export const pauseSource = (pool: Pool, source: SourceName, reason: string | null): Promise<boolean> =>
  inTransaction(pool, async (client) => {
    await lockPause(client, source, 'exclusive')
    const { rowCount } = await client.query(
      `insert into sync.source_health as h (org_id, source, paused_at, pause_reason) values ($1, $2, now(), $3)
       on conflict (org_id, source) do update set paused_at = now(), pause_reason = $3 where h.paused_at is null`,
      [source.orgId, source.source, reason],
    )
    return rowCount === 1
  })

/** Failures are counted anew. False: it was not paused. */
export const resumeSource = async (client: Queryable, { orgId, source }: SourceName): Promise<boolean> => {
  const { rowCount } = await client.query(
    `update sync.source_health set paused_at = null, pause_reason = null, failures = 0
     where org_id = $1 and source = $2 and paused_at is not null`,
    [orgId, source],
  )
  return rowCount === 1
}

interface EndedRun extends SourceName {
  readonly runId: string
  readonly failed: boolean
}

/**
 * Counts the end of a run, in its transaction; after trouble that operators were told of, they are told that it is over. Of a source that is
 * paused it is not over: a run that had begun before says nothing.
 */
export const recordEnd = async (client: Queryable, { orgId, source, runId, failed }: EndedRun): Promise<void> => {
  if (failed) {
    await client.query(
      `insert into sync.source_health as h (org_id, source, failures, last_failed_run) values ($1, $2, 1, $3)
       on conflict (org_id, source) do update set failures = h.failures + 1, last_failed_run = $3`,
      [orgId, source, runId],
    )
    return
  }
  const { rows } = await client.query<{ told: boolean }>(
    `with before as (select told_at is not null as told from sync.source_health where org_id = $1 and source = $2 for update)
     update sync.source_health h set failures = 0, last_failed_run = null, told_at = null from before
     where h.org_id = $1 and h.source = $2 and h.paused_at is null and (h.failures > 0 or before.told) returning before.told`,
    [orgId, source],
  )
  if (rows[0]?.told) await queueNotification(client, { orgId, source, kind: 'source-recovered', facts: { runId } })
}

/** Pauses the sources of which so many runs in a row have failed, and queues that operators are told. */
export const pauseFailingSources = (pool: Pool, maxFailures: number): Promise<readonly SourceHealth[]> =>
  inTransaction(pool, async (client) => {
    const { rows } = await client.query<SourceHealth & { runId: string; reason: string | null; errorCode: string | null }>(
      `update sync.source_health h set paused_at = now(), told_at = now(),
         pause_reason = h.failures || ' runs in a row failed, the last one with: ' || coalesce(r.reason, 'no reason given')
       from sync.runs r where r.run_id = h.last_failed_run and h.failures >= $1 and h.paused_at is null
       returning h.org_id as "orgId", h.source, h.failures, h.paused_at as "pausedAt", h.pause_reason as "pauseReason",
         r.run_id as "runId", r.reason, r.error_code as "errorCode"`,
      [maxFailures],
    )
    for (const { orgId, source, failures, runId, reason, errorCode } of rows) {
      await queueNotification(client, { orgId, source, kind: 'source-paused', facts: { failures, runId, reason, errorCode } })
    }
    return rows
  })
