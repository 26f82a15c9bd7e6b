// Checks audit trails: reads every row of a trail and its head in one snapshot, while others go on writing, and gives what audit-chain.ts
// says of them.
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { auditHeads, auditRowsAfter } from './audit.ts'
import { type AuditFault, type AuditLink, CHAIN_START, faultOfEnd, faultOfKept, faultOfRow } from './audit-chain.ts'

export interface TrailVerdict extends AuditLink {
  readonly orgId: string
  /** The first thing that is wrong; `seq` and `hash` are then those of the last good row. */
  readonly fault: AuditFault | null
}

const BATCH_ROWS = 2_000
const SNAPSHOT = 'begin isolation level repeatable read read only'

/** `kept`: a head of this organisation that somebody wrote down earlier, elsewhere; the trail must still lead through it. */
export const checkTrail = (pool: Pool, orgId: string, kept?: AuditLink): Promise<TrailVerdict> =>
  inTransaction(pool, (client) => verdictOf(client, orgId, kept), { begin: SNAPSHOT })

const verdictOf = async (client: Queryable, orgId: string, kept: AuditLink | undefined): Promise<TrailVerdict> => {
  const [head] = await auditHeads(client, orgId)
  const { last, fault } = await walkTrail(client, orgId, kept)
  const { seq, hash } = last
  return { orgId, seq, hash, fault: fault ?? faultOfAbsence(last, kept) ?? faultOfEnd(last, head) ?? null }
}

/** A trail that ends before the kept head. */
const faultOfAbsence = ({ seq }: AuditLink, kept: AuditLink | undefined): AuditFault | undefined =>
  kept === undefined || seq >= kept.seq
    ? undefined
    : { seq: seq + 1, kind: 'missing', reason: `row ${seq + 1} is missing: the trail had at least ${kept.seq}` }

interface Walked {
  readonly last: AuditLink
  readonly fault?: AuditFault
}

const walkTrail = async (client: Queryable, orgId: string, kept: AuditLink | undefined): Promise<Walked> => {
  let last = CHAIN_START
  for (let after: number | null = null; ; after = last.seq) {
    const rows = await auditRowsAfter(client, orgId, after, BATCH_ROWS)
    for (const row of rows) {
      const fault = faultOfRow(last, row) ?? (kept && faultOfKept(kept, row))
      if (fault !== undefined) return { last, fault }
      last = row
    }
    if (rows.length < BATCH_ROWS) return { last }
  }
}
