// Sweeps of parked rows: the orchestrator asks for one before it closes an entity, a sink does it and says so.
import type { Queryable } from '../platform/postgres.ts'

export interface PendingSweep {
  readonly runId: string
  readonly orgId: string
  readonly entity: string
}

/** Entities of active runs whose requested sweep has not been done since. */
export const pendingSweeps = async (client: Queryable): Promise<readonly PendingSweep[]> => {
  const { rows } = await client.query<{ run_id: string; org_id: string; entity: string }>(
    `select e.run_id, r.org_id, e.entity from sync.run_entities e join sync.runs r using (run_id)
     where r.state in ('planned', 'running', 'paused') and e.sweep_requested_at > coalesce(e.swept_at, '-infinity')`,
  )
  return rows.map((row) => ({ runId: row.run_id, orgId: row.org_id, entity: row.entity }))
}

/** To be called in the transaction of the sweep, at its beginning: what is parked later than this needs another sweep. */
export const sweepDone = async (client: Queryable, sweep: PendingSweep): Promise<void> => {
  await client.query('update sync.run_entities set swept_at = clock_timestamp() where run_id = $1 and entity = $2', [
    sweep.runId,
    sweep.entity,
  ])
}
