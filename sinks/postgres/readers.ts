// Login roles that read the canonical rows of one organisation and nothing else (migration 0010): made, given a password, removed.
// Must hold: a role is bound to its organisation in the transaction that makes it, and a password is in no statement.

import { recordAudit } from '../../ledger/audit.ts'
import { SynclineError } from '../../platform/errors.ts'
import { inTransaction, type Pool, type PoolClient, type Queryable, sqlState } from '../../platform/postgres.ts'
import { scramVerifier } from '../../platform/scram.ts'
import { quoted } from './layout.ts'

export interface Reader {
  readonly role: string
  readonly orgId: string
  readonly createdAt: Date
}

const GROUP = 'syncline_reader'

export const readersOf = async (client: Queryable, orgId: string): Promise<readonly Reader[]> => {
  const { rows } = await client.query<Reader>(
    'select role_name as role, org_id as "orgId", created_at as "createdAt" from sync.readers where org_id = $1 order by role_name',
    [orgId],
  )
  return rows
}

const BY_ADMINISTRATOR = `An administrator can, once: create role ${GROUP} nologin; and to the role of SYNCLINE_DATABASE_URL: alter role … createrole; grant ${GROUP} to … with admin option;`

/** What PostgreSQL refuses for want of a right is told with who can do it. */
const withRights = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
  try {
    return await work()
  } catch (cause) {
    if (sqlState(cause) !== '42501') throw cause
    throw new SynclineError('config', `${what}: the role of SYNCLINE_DATABASE_URL may not do this.`, {
      cause,
      remedy: BY_ADMINISTRATOR,
    })
  }
}

const exists = async (client: Queryable, role: string): Promise<boolean> => {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [role])
  return rowCount === 1
}

/** What all readers may do; tables that came since are taken in. */
const prepareGroup = async (client: PoolClient): Promise<void> => {
  if (!(await exists(client, GROUP))) await client.query(`create role ${GROUP} nologin`)
  await client.query('select canonical.restrict_readers()')
}

/** The password goes as its verifier: quoted text of base64, digits and signs. */
const passwordClause = (password: string): string => `password '${scramVerifier(password)}'`

/** Throws SynclineError('conflict') when the server has a role of that name already, 'config' when this needs more rights. */
export const createReader = (pool: Pool, orgId: string, role: string, password: string): Promise<void> =>
  withRights(`The role ${role} was not created`, () =>
    inTransaction(pool, async (client) => {
      if (await exists(client, role)) {
        throw new SynclineError('conflict', `The server has a role '${role}' already, which is not one of ${orgId} here.`, {
          remedy: `Call this one something else: syncline org reader ${orgId} --role NAME`,
        })
      }
      await prepareGroup(client)
      const name = quoted(role)
      await client.query(
        `create role ${name} login nosuperuser nocreatedb nocreaterole noreplication nobypassrls connection limit 20 ${passwordClause(password)}`,
      )
      await client.query(`grant ${GROUP} to ${name}`)
      await client.query(`alter role ${name} set default_transaction_read_only = on`)
      await client.query(`alter role ${name} set search_path = canonical`)
      await client.query('insert into sync.readers (role_name, org_id) values ($1, $2)', [role, orgId])
    }),
  )

export const setReaderPassword = (pool: Pool, { role, orgId }: Reader, password: string): Promise<void> =>
  withRights(`The password of ${role} was not changed`, () =>
    inTransaction(pool, async (client) => {
      await client.query(`alter role ${quoted(role)} ${passwordClause(password)}`)
      await recordAudit(client, { orgId, action: 'reader.password-changed', subject: role })
    }),
  )

/** Who is connected by it stays until he leaves, and may read nothing any more. */
export const removeReader = (pool: Pool, { role, orgId }: Reader): Promise<void> =>
  withRights(`The role ${role} was not removed`, () =>
    inTransaction(pool, async (client) => {
      if (await exists(client, role)) await client.query(`drop role ${quoted(role)}`)
      await client.query('delete from sync.readers where role_name = $1 and org_id = $2', [role, orgId])
    }),
  )
