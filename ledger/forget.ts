// Forgetting an organisation in PostgreSQL: marked first, so that nothing of it is written any more; then its rows, what the ledger has, and
// its keys go, in steps that may be cut off anywhere and are begun again. What was done adds up in its row of sync.forgotten.
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { canonicalEntities, hardReferences } from '../topics/canonical.ts'
import { recordAudit } from './audit.ts'

export interface Forgotten {
  readonly orgId: string
  readonly forgottenAt: Date
  readonly finishedAt: Date | null
  /** Rows of canonical tables, and of those that wait for their parents. */
  readonly rows: number
  readonly parked: number
  readonly runs: number
  readonly deadLetters: number
  /** Null values written to canonical topics. */
  readonly tombstones: number
}

interface ForgottenRow {
  forgotten_at: Date
  finished_at: Date | null
  rows: number
  parked: number
  runs: number
  dead_letters: number
  tombstones: number
}

export const findForgotten = async (client: Queryable, orgId: string): Promise<Forgotten | undefined> => {
  const { rows } = await client.query<ForgottenRow>(
    'select forgotten_at, finished_at, rows, parked, runs, dead_letters, tombstones from sync.forgotten where org_id = $1',
    [orgId],
  )
  const row = rows[0]
  return (
    row && {
      orgId,
      forgottenAt: row.forgotten_at,
      finishedAt: row.finished_at,
      rows: row.rows,
      parked: row.parked,
      runs: row.runs,
      deadLetters: row.dead_letters,
      tombstones: row.tombstones,
    }
  )
}

/** Whether anything of it is left here, though it may be no organisation any more. */
export const hasRows = async (client: Queryable, orgId: string): Promise<boolean> => {
  const looks = canonicalEntities.map(({ table }) => `exists (select from canonical."${table}" where org_id = $1)`)
  const { rows } = await client.query<{ some: boolean }>(`select ${looks.join(' or ')} as some`, [orgId])
  return rows[0]?.some ?? false
}

/** From its commit on nothing of the organisation is merged, and its runs are over. */
export const markForgotten = (pool: Pool, orgId: string): Promise<void> =>
  inTransaction(pool, async (client) => {
    // One that was removed has rows and no row of its own.
    await client.query('insert into sync.organisations (org_id, active) values ($1, false) on conflict do nothing', [orgId])
    // Waits for all merges that have seen it as active (sync.forgotten_of).
    await client.query('select from sync.organisations where org_id = $1 for update', [orgId])
    await client.query(
      `insert into sync.forgotten as f (org_id) values ($1) on conflict (org_id) do update set
         forgotten_at = now(), finished_at = null, rows = 0, parked = 0, runs = 0, dead_letters = 0, tombstones = 0
       where f.finished_at is not null`,
      [orgId],
    )
    await client.query('update sync.organisations set active = false where org_id = $1 and active', [orgId])
    await client.query(
      `update sync.runs set state = 'cancelled', ended_at = now(), reason = 'the organisation is forgotten'
       where org_id = $1 and state in ('planned', 'running', 'paused')`,
      [orgId],
    )
  })

const ROWS_AT_A_TIME = 10_000

type Counted = 'rows' | 'parked' | 'runs' | 'dead_letters' | 'tombstones'

/** A piece a statement: locks and time stay bounded, and what is gone is counted with it. Names are ours, never from outside. */
const deleteFrom = async (client: Queryable, table: string, orgId: string, counted: Counted): Promise<void> => {
  for (;;) {
    const { rows } = await client.query<{ n: number }>(
      `with gone as (
         delete from ${table} where ctid = any(array(select ctid from ${table} where org_id = $1 limit ${ROWS_AT_A_TIME})) returning 1),
       n as (select count(*) as n from gone), noted as (
         update sync.forgotten f set ${counted} = f.${counted} + n.n from n where f.org_id = $1)
       select n from n`,
      [orgId],
    )
    if ((rows[0]?.n ?? 0) < ROWS_AT_A_TIME) return
  }
}

/** What a run has besides its own rows: pages, landings and ids are too many for one statement. */
const OF_RUNS = ['sync.seen', 'sync.landings', 'sync.pages'] as const

/** Of all its sources, or of one. Before the runs themselves: else all of it goes with them in one statement. */
export const deleteRowsOfRuns = async (pool: Pool, orgId: string, source: string | null = null): Promise<void> => {
  const { rows } = await pool.query<{ run_id: string }>(
    'select run_id from sync.runs where org_id = $1 and ($2::text is null or source = $2) order by run_id',
    [orgId, source],
  )
  for (const { run_id } of rows) for (const table of OF_RUNS) await pool.query(`delete from ${table} where run_id = $1`, [run_id])
}

/** Connections go with their tokens and runs, in one transaction: the audit trail then tells of them, and not run by run. */
const deleteConnections = (pool: Pool, orgId: string): Promise<void> =>
  inTransaction(pool, async (client) => {
    await client.query(
      'update sync.forgotten set runs = runs + (select count(*) from sync.runs where org_id = $1) where org_id = $1',
      [orgId],
    )
    await client.query('delete from sync.connections where org_id = $1', [orgId])
    await client.query('delete from sync.authorisations where org_id = $1', [orgId])
    await client.query('delete from sync.accounts where org_id = $1', [orgId])
    await client.query('delete from sync.notifications where org_id = $1', [orgId])
    await client.query('delete from sync.field_rules where org_id = $1', [orgId])
  })

/** All that PostgreSQL has of it but its key. May be called again. */
export const deleteData = async (pool: Pool, orgId: string): Promise<void> => {
  await deleteRowsOfRuns(pool, orgId)
  await deleteConnections(pool, orgId)
  // Parked rows first: a sweep that is moving one is waited for, and then its row is found in the table.
  for (const entity of canonicalEntities)
    if (hardReferences(entity).length > 0) await deleteFrom(pool, `sync."parked_${entity.table}"`, orgId, 'parked')
  for (const { table } of canonicalEntities.toReversed()) await deleteFrom(pool, `canonical."${table}"`, orgId, 'rows')
  await deleteFrom(pool, 'sync.dead_letters', orgId, 'dead_letters')
}

/** Its secrets cannot be read any more, wherever a copy of them is that has not got this key as well. */
export const destroyKey = async (client: Queryable, orgId: string): Promise<void> => {
  await client.query('delete from sync.field_keys where org_id = $1', [orgId])
  await client.query('delete from sync.data_keys where org_id = $1', [orgId])
}

export const noteTombstones = async (client: Queryable, orgId: string, count: number): Promise<void> => {
  await client.query('update sync.forgotten set tombstones = tombstones + $2 where org_id = $1', [orgId, count])
}

/** The last step: the trail keeps that it happened, in figures. */
export const finishForgetting = (pool: Pool, orgId: string): Promise<void> =>
  inTransaction(pool, async (client) => {
    await client.query('delete from sync.organisations where org_id = $1 and not active', [orgId])
    const { rowCount } = await client.query(
      'update sync.forgotten set finished_at = now() where org_id = $1 and finished_at is null',
      [orgId],
    )
    if (rowCount === 0) return
    const done = await findForgotten(client, orgId)
    if (done === undefined) return
    const { rows, parked, runs, deadLetters, tombstones } = done
    await recordAudit(client, {
      orgId,
      action: 'organisation.forgotten',
      subject: orgId,
      facts: { rows, parked, runs, deadLetters, tombstones },
    })
  })
