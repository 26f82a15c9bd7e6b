// Runs that take up an ended one again: the new run, and that an operator asked for it, in one transaction.
import { inTransaction, type Pool } from '../platform/postgres.ts'
import { recordAudit } from './audit.ts'
import { insertRun, type Run } from './runs.ts'

/** The id of the new run. Throws as insertRun does. */
export const retryRun = (pool: Pool, run: Run, selection: readonly string[]): Promise<string> =>
  inTransaction(pool, async (client) => {
    const { orgId, source, adapter, strategy, runId, changedSince } = run
    const asked = { orgId, source, adapter, strategy, selection, ...(changedSince && { changedSince }) }
    const retry = await insertRun(client, { ...asked, retryOf: runId })
    await recordAudit(client, { orgId, action: 'run.retried', subject: runId, facts: { retry, selection } })
    return retry
  })
