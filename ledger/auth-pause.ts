// Runs of a connection that has to be authorised again: paused, and told apart from those that a person paused by their error code; when
// the connection is authorised they go on by themselves.
import type { Queryable } from '../platform/postgres.ts'
import { wakeFailedAsks } from './asks.ts'
import { isPaused } from './source-health.ts'

/** Returns the runs that it paused; those that are paused already stay as they are. In the transaction that marks the connection. */
export const pauseForAuth = async (
  client: Queryable,
  orgId: string,
  source: string,
  reason: string,
): Promise<readonly string[]> => {
  const { rows } = await client.query<{ run_id: string }>(
    `update sync.runs set state = 'paused', error_code = 'auth', reason = $3
     where org_id = $1 and source = $2 and state in ('planned', 'running') returning run_id`,
    [orgId, source, reason],
  )
  return rows.map((row) => row.run_id)
}

/**
 * Returns the runs that go on; of a source that somebody has paused they wait for him. Questions that failed are due at once. In the
 * transaction that makes the connection usable.
 */
export const resumeAfterAuth = async (client: Queryable, orgId: string, source: string): Promise<readonly string[]> => {
  await wakeFailedAsks(client, { orgId, source })
  const isHeld = await isPaused(client, { orgId, source })
  const { rows } = await client.query<{ run_id: string }>(
    `update sync.runs r set error_code = null, reason = null,
       state = case when $3 then 'paused' when exists (select from sync.run_entities e where e.run_id = r.run_id) then 'running' else 'planned' end
     where org_id = $1 and source = $2 and state = 'paused' and error_code = 'auth' returning run_id`,
    [orgId, source, isHeld],
  )
  const runs = isHeld ? [] : rows.map((row) => row.run_id)
  // What waited is due at once.
  if (runs.length > 0)
    await client.query("update sync.ranges set wake_at = now() where run_id = any($1::uuid[]) and state = 'open'", [runs])
  return runs
}
