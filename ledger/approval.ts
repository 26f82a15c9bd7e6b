// An operator's approval of deletions that a reconciliation has parked: marks them, asks for the run that carries them out, and writes
// it down, in one transaction. Must hold: it deletes nothing itself; that run asks after each row, and only what is gone goes.
import { inTransaction, type Pool } from '../platform/postgres.ts'
import { recordAudit } from './audit.ts'
import { insertRun, type Run } from './runs.ts'

export interface Approval {
  /** The run that carries them out. */
  readonly runId: string
  readonly entities: readonly string[]
}

/**
 * Undefined: nothing of the run, or of these entities of it, is parked. What was approved before may be so again: a run that carried it
 * out may have failed. Throws SynclineError('already-running') when another backfill of one of the entities is active.
 */
export const approveDeletions = (pool: Pool, run: Run, only?: readonly string[]): Promise<Approval | undefined> =>
  inTransaction(pool, async (client) => {
    const { rows } = await client.query<{ entity: string; missing: number }>(
      `update sync.reconciliations set state = 'approved'
       where run_id = $1 and state in ('parked', 'approved') and ($2::text[] is null or entity = any($2)) returning entity, missing`,
      [run.runId, only ?? null],
    )
    if (rows.length === 0) return undefined
    const entities = rows.map(({ entity }) => entity).sort()
    const { orgId, source, adapter } = run
    const runId = await insertRun(client, {
      orgId,
      source,
      adapter,
      strategy: 'reconcile',
      selection: entities,
      approves: run.runId,
    })
    const rowsByEntity = Object.fromEntries(rows.map(({ entity, missing }) => [entity, missing]))
    await recordAudit(client, {
      orgId,
      action: 'deletions.approved',
      subject: run.runId,
      facts: { by: runId, rows: rowsByEntity },
    })
    return { runId, entities }
  })
