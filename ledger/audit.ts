// The audit trail: writing an operator's action into it, and reading it. Changes of state are written by triggers (migration 0003), in the
// transaction of the change; rows are added only, and chained by their hashes (audit-chain.ts).
import type { Json } from '../manifests/walk.ts'
import type { Queryable } from '../platform/postgres.ts'
import { type AuditLink, type AuditRow, PRUNED } from './audit-chain.ts'

/** The setting of a connection that names who acts through it. */
export const ACTOR_SETTING = 'syncline.actor'

export interface AuditAction {
  readonly orgId: string
  /** Default: the actor that the connection names. */
  readonly actor?: string
  /** `thing.done`, e.g. `dead-letter.dropped`. */
  readonly action: string
  /** What it was done to: a run, `run/entity`, a source, … */
  readonly subject: string
  /** Never a secret, never a payload (invariant 9). */
  readonly facts?: Readonly<Record<string, Json>>
}

/**
 * Writes down an operator's action that is no change of state of a row; what is one needs no call. To be called last in the transaction of
 * the action: from here to its end other writers of this organisation's trail wait.
 */
export const recordAudit = async (
  client: Queryable,
  { orgId, actor, action, subject, facts = {} }: AuditAction,
): Promise<void> => {
  await client.query(
    'insert into sync.audit_log (org_id, actor, action, subject, facts) values ($1, coalesce($2, sync.audit_actor()), $3, $4, $5)',
    [orgId, actor ?? null, action, subject, JSON.stringify(facts)],
  )
}

/** Columns by built-in functions only, so that reading depends on nothing that the migration has made. */
const COLUMNS = `org_id, seq, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, actor, action, subject,
  facts::text as facts, encode(previous_hash, 'hex') as previous_hash, encode(hash, 'hex') as hash`

interface Row {
  org_id: string
  seq: number
  at: string
  actor: string
  action: string
  subject: string
  facts: string
  previous_hash: string
  hash: string
}

const fromRow = ({ org_id, previous_hash, ...row }: Row): AuditRow => ({ ...row, orgId: org_id, previousHash: previous_hash })

export interface TrailFilter {
  readonly orgId: string
  readonly since?: Date
  readonly limit: number
}

/** The latest rows of a trail, oldest first. */
export const auditTrail = async (client: Queryable, { orgId, since, limit }: TrailFilter): Promise<readonly AuditRow[]> => {
  const { rows } = await client.query<Row>(
    `select ${COLUMNS} from sync.audit_log l where org_id = $1 and ($2::timestamptz is null or l.at >= $2) order by seq desc limit $3`,
    [orgId, since ?? null, limit],
  )
  return rows.map(fromRow).reverse()
}

/** Rows of a trail from the one after `seq`, in order, at most `limit`; `null`: from its beginning, whatever number that has. */
export const auditRowsAfter = async (
  client: Queryable,
  orgId: string,
  seq: number | null,
  limit: number,
): Promise<readonly AuditRow[]> => {
  const { rows } = await client.query<Row>(
    `select ${COLUMNS} from sync.audit_log where org_id = $1 and ($2::bigint is null or seq > $2) order by seq limit $3`,
    [orgId, seq, limit],
  )
  return rows.map(fromRow)
}

/** The newest row that says which rows were taken out of the trail. */
export const newestPruning = async (client: Queryable, orgId: string): Promise<AuditRow | undefined> => {
  const { rows } = await client.query<Row>(
    `select ${COLUMNS} from sync.audit_log where org_id = $1 and action = $2 order by seq desc limit 1`,
    [orgId, PRUNED],
  )
  return rows.map(fromRow)[0]
}

export interface AuditHead extends AuditLink {
  readonly orgId: string
}

/** Where the trails end, of all organisations or one, those that were removed too. */
export const auditHeads = async (client: Queryable, orgId?: string): Promise<readonly AuditHead[]> => {
  const { rows } = await client.query<{ org_id: string; seq: number; hash: string }>(
    `select org_id, seq, encode(hash, 'hex') as hash from sync.audit_heads where $1::text is null or org_id = $1 order by org_id`,
    [orgId ?? null],
  )
  return rows.map((row) => ({ orgId: row.org_id, seq: row.seq, hash: row.hash }))
}

/** Everybody who has a trail or must have one: who has a head, rows, or is an organisation. */
export const auditedOrganisations = async (client: Queryable): Promise<readonly string[]> => {
  const { rows } = await client.query<{ org_id: string }>(
    `select org_id from sync.audit_heads union select org_id from sync.audit_log union select org_id from sync.organisations order by org_id`,
  )
  return rows.map((row) => row.org_id)
}
