// Whether the rows of an organisation's audit trail are the ones that were written: pure. Takes rows in the order of seq and the head;
// gives the first thing that is wrong. The encoding is that of sync.audit_hash (ledger/migrations), stated here by itself: the database is
// what is being checked.
import { createHash } from 'node:crypto'
import { z } from 'zod'

export interface AuditRow {
  readonly orgId: string
  readonly seq: number
  /** ISO 8601 in UTC with microseconds, as it is hashed. */
  readonly at: string
  readonly actor: string
  readonly action: string
  readonly subject: string
  /** The text of the jsonb, as it is hashed. */
  readonly facts: string
  /** Hex; empty in the first row. */
  readonly previousHash: string
  readonly hash: string
}

/** A place in a chain: how many rows it has up to there, and the hash of the last of them. */
export interface AuditLink {
  readonly seq: number
  readonly hash: string
}

export const CHAIN_START: AuditLink = { seq: 0, hash: '' }

/** The action of a row that says of the oldest rows that they were taken out of the trail. */
export const PRUNED = 'audit.pruned'

const prunedFacts = z.object({ through: z.int().min(1), hash: z.string() })

/** The last row that was taken out, as the newest row of action PRUNED says; undefined: none was, or it says nothing of the kind. */
export const prunedThrough = (row: Pick<AuditRow, 'facts'> | undefined): AuditLink | undefined => {
  const { data } = prunedFacts.safeParse(row && JSON.parse(row.facts))
  return data && { seq: data.through, hash: data.hash }
}

/** What stood before the first row that is there, as that row says. */
export const linkBefore = (first: Pick<AuditRow, 'seq' | 'previousHash'> | undefined): AuditLink =>
  first === undefined || first.seq <= 1 ? CHAIN_START : { seq: first.seq - 1, hash: first.previousHash }

/** What is wrong with where a trail begins: only what was pruned may be missing there. */
export const faultOfStart = (start: AuditLink, pruned: AuditLink = CHAIN_START): AuditFault | undefined => {
  if (start.seq === pruned.seq && start.hash === pruned.hash) return undefined
  const { seq } = pruned
  if (start.seq >= seq) return { seq: seq + 1, kind: 'missing', reason: `row ${seq + 1} is missing: the trail begins after it` }
  return { seq: start.seq + 1, kind: 'inserted', reason: `row ${start.seq + 1} was put in: rows up to ${seq} were pruned` }
}

export interface AuditFault {
  /** The first row that is not as it was written. */
  readonly seq: number
  readonly kind: 'changed' | 'missing' | 'inserted' | 'unlinked' | 'rewritten'
  readonly reason: string
}

/** SHA-256, in hex, of all columns as `bytes:text`, joined by commas. */
export const auditHash = (row: Omit<AuditRow, 'hash'>): string => {
  const fields = [row.previousHash, row.orgId, String(row.seq), row.at, row.actor, row.action, row.subject, row.facts]
  return createHash('sha256')
    .update(fields.map((field) => `${Buffer.byteLength(field)}:${field}`).join(','))
    .digest('hex')
}

/** What is wrong with the row that stands after `last`; undefined: nothing. */
export const faultOfRow = (last: AuditLink, row: AuditRow): AuditFault | undefined => {
  const { seq } = row
  if (seq > last.seq + 1) return { seq: last.seq + 1, kind: 'missing', reason: `row ${last.seq + 1} is missing` }
  if (seq < last.seq + 1) return { seq, kind: 'inserted', reason: `row ${seq} was put in: a trail begins with row 1` }
  if (row.previousHash !== last.hash)
    return {
      seq,
      kind: 'unlinked',
      reason: `row ${seq} does not follow the one before it: rows were moved, put in or taken out here`,
    }
  if (row.hash !== auditHash(row)) return { seq, kind: 'changed', reason: `row ${seq} is not what was written` }
  return undefined
}

/** What is wrong with the end of a chain whose rows are in order: rows cut off or added past the head, or no head. */
export const faultOfEnd = (last: AuditLink, head: AuditLink | undefined): AuditFault | undefined => {
  const next = last.seq + 1
  if (head === undefined)
    return { seq: next, kind: 'missing', reason: `the head is missing: whether there was a row ${next} cannot be told` }
  if (last.seq < head.seq) return { seq: next, kind: 'missing', reason: `row ${next} is missing: the trail had ${head.seq}` }
  const first = head.seq + 1
  if (last.seq > head.seq) return { seq: first, kind: 'inserted', reason: `row ${first} was put in: the trail had ${head.seq}` }
  if (last.hash === head.hash) return undefined
  return { seq: last.seq, kind: 'rewritten', reason: `row ${last.seq} is not the one that the trail ended with` }
}

/** What is wrong with the row at the place of a head that was kept elsewhere; also of the last one that was pruned. */
export const faultOfKept = (kept: AuditLink, row: AuditLink): AuditFault | undefined =>
  row.seq !== kept.seq || row.hash === kept.hash
    ? undefined
    : {
        seq: row.seq,
        kind: 'rewritten',
        reason: `row ${row.seq} is not the one that was kept: it, or rows before it, were written anew`,
      }
