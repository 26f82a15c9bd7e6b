// Bounds an audit trail: its oldest rows, checked, go to whoever keeps them; then they may be taken out of the trail, which goes on behind
// them. Must hold: the trail itself says up to which row, and with which hash, so that what is left can still be checked.
import { SynclineError } from '../platform/errors.ts'
import { inTransaction, type Pool } from '../platform/postgres.ts'
import { auditRowsAfter, newestPruning, recordAudit } from './audit.ts'
import { type AuditLink, type AuditRow, PRUNED, prunedThrough } from './audit-chain.ts'
import { SNAPSHOT, walkTrail } from './audit-check.ts'

export interface OldRows {
  readonly orgId: string
  /** Rows written before this moment; absent: all there are. */
  readonly before?: Date
}

export interface ExportedRows {
  readonly first: number
  readonly through: AuditLink
}

/**
 * Hands over the oldest rows in order, one by one, each found to be what was written. Undefined: there are none. Throws
 * SynclineError('conflict') at the first row that is not: it, and what follows, is handed to nobody.
 */
export const exportTrail = (
  pool: Pool,
  { orgId, before }: OldRows,
  take: (row: AuditRow) => Promise<void>,
): Promise<ExportedRows | undefined> =>
  inTransaction(
    pool,
    async (client) => {
      const pruned = prunedThrough(await newestPruning(client, orgId))
      const { start, last, fault } = await walkTrail(client, orgId, { pruned }, async (row) => {
        if (before !== undefined && Date.parse(row.at) >= before.getTime()) return false
        await take(row)
        return true
      })
      if (fault !== undefined) throw brokenTrail(orgId, fault.reason)
      return last.seq === start.seq ? undefined : { first: start.seq + 1, through: { seq: last.seq, hash: last.hash } }
    },
    { begin: SNAPSHOT },
  )

const brokenTrail = (orgId: string, reason: string): SynclineError =>
  new SynclineError('conflict', `The audit trail of ${orgId} is broken: ${reason}.`, {
    remedy: `Nothing was exported. Find out who did that before anything is pruned; see: syncline audit --check --org ${orgId}`,
  })

/**
 * Takes exported rows out of the trail, and says so in it. Resolves to how many. Throws SynclineError('conflict') when somebody else
 * pruned meanwhile: nothing is done.
 */
export const pruneTrail = (pool: Pool, orgId: string, { first, through }: ExportedRows, file: string): Promise<number> =>
  inTransaction(pool, async (client) => {
    await client.query('select from sync.audit_heads where org_id = $1 for update', [orgId])
    const [oldest] = await auditRowsAfter(client, orgId, null, 1)
    if (oldest?.seq !== first) {
      throw new SynclineError('conflict', `The audit trail of ${orgId} was pruned by somebody else meanwhile.`, {
        remedy: 'Nothing was removed. Look at it, and export again to another file.',
      })
    }
    const facts = { through: through.seq, hash: through.hash, file }
    await recordAudit(client, { orgId, action: PRUNED, subject: orgId, facts })
    const { rowCount } = await client.query('delete from sync.audit_log where org_id = $1 and seq <= $2', [orgId, through.seq])
    return rowCount ?? 0
  })
