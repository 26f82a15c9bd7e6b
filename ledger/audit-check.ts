// Checks audit trails: reads every row of a trail and its head in one snapshot, while others go on writing, and gives what audit-chain.ts
// says of them.
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { auditHeads, auditRowsAfter, newestPruning } from './audit.ts'
import {
  type AuditFault,
  type AuditLink,
  type AuditRow,
  faultOfEnd,
  faultOfKept,
  faultOfRow,
  faultOfStart,
  linkBefore,
  prunedThrough,
} from './audit-chain.ts'

export interface TrailVerdict extends AuditLink {
  readonly orgId: string
  /** So many of its oldest rows were exported and pruned. */
  readonly pruned: number
  /** The first thing that is wrong; `seq` and `hash` are then those of the last good row. */
  readonly fault: AuditFault | null
}

const BATCH_ROWS = 2_000
export const SNAPSHOT = 'begin isolation level repeatable read read only'

/** `kept`: a head of this organisation that somebody wrote down earlier, elsewhere; the trail must still lead through it. */
export const checkTrail = (pool: Pool, orgId: string, kept?: AuditLink): Promise<TrailVerdict> =>
  inTransaction(pool, (client) => verdictOf(client, orgId, kept), { begin: SNAPSHOT })

const verdictOf = async (client: Queryable, orgId: string, kept: AuditLink | undefined): Promise<TrailVerdict> => {
  const [head] = await auditHeads(client, orgId)
  const pruned = prunedThrough(await newestPruning(client, orgId))
  const { last, fault } = await walkTrail(client, orgId, { pruned, kept })
  const { seq, hash } = last
  const wrong = fault ?? faultOfAbsence(last, kept) ?? faultOfEnd(last, head) ?? null
  return { orgId, seq, hash, pruned: pruned?.seq ?? 0, fault: wrong }
}

/** A trail that ends before the kept head. */
const faultOfAbsence = ({ seq }: AuditLink, kept: AuditLink | undefined): AuditFault | undefined =>
  kept === undefined || seq >= kept.seq
    ? undefined
    : { seq: seq + 1, kind: 'missing', reason: `row ${seq + 1} is missing: the trail had at least ${kept.seq}` }

/** A kept head that is not in the trail any more. */
const faultOfPruned = (start: AuditLink, kept: AuditLink): AuditFault | undefined =>
  kept.seq >= start.seq
    ? undefined
    : {
        seq: kept.seq,
        kind: 'missing',
        reason: `row ${kept.seq} was pruned, as all up to ${start.seq}: look for it in the file that they were exported to`,
      }

export interface Walked {
  /** What stands before the first row. */
  readonly start: AuditLink
  readonly last: AuditLink
  readonly fault?: AuditFault
}

export interface Expected {
  readonly pruned: AuditLink | undefined
  readonly kept?: AuditLink | undefined
}

/** Every row in order, to its end or the first that is not as it was written; `onRow` gets the good ones and says whether to go on. */
export const walkTrail = async (
  client: Queryable,
  orgId: string,
  { pruned, kept }: Expected,
  onRow: (row: AuditRow) => boolean | Promise<boolean> = () => true,
): Promise<Walked> => {
  let rows = await auditRowsAfter(client, orgId, null, BATCH_ROWS)
  const start = linkBefore(rows[0])
  const early = faultOfStart(start, pruned) ?? (kept && (faultOfPruned(start, kept) ?? faultOfKept(kept, start)))
  if (early !== undefined) return { start, last: start, fault: early }
  let last = start
  for (; rows.length > 0; rows = await auditRowsAfter(client, orgId, last.seq, BATCH_ROWS)) {
    for (const row of rows) {
      const fault = faultOfRow(last, row) ?? (kept && faultOfKept(kept, row))
      if (fault !== undefined) return { start, last, fault }
      if (!(await onRow(row))) return { start, last }
      last = row
    }
  }
  return { start, last }
}
