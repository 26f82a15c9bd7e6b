// Connections to PostgreSQL: one pool per process, with time-outs, and the two questions asked of its errors: away? retry?
import pg from 'pg'
import { SynclineError } from './errors.ts'
import { backoffMs, pause } from './lifecycle.ts'
import { reviewOver, SilenceWatch } from './postgres-silence.ts'

export type Pool = pg.Pool
export type PoolClient = pg.PoolClient

/** What most SQL in this project needs: a pool or a client inside a transaction. */
export interface Queryable {
  // The row type is what the caller's SQL returns; pg itself cannot know it.
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<pg.QueryResult<R>>
  query<R extends pg.QueryResultRow = pg.QueryResultRow>(statement: Prepared): Promise<pg.QueryResult<R>>
}

/** A statement that is run often: parsed and planned once per connection, where its values make no difference to its plan. */
export interface Prepared {
  readonly name: string
  readonly text: string
  readonly values: readonly unknown[]
}

export interface PoolOptions {
  readonly url: string
  readonly max?: number
  readonly applicationName?: string
  readonly statementTimeoutMs?: number
  /** Settings of our own that every connection has, by name (`prefix.name`). */
  readonly settings?: Readonly<Record<string, string>>
}

// Counts and offsets stay below 2^53; a bigint as a string would be one more thing to convert everywhere.
pg.types.setTypeParser(pg.types.builtins.INT8, Number)

export const createPool = ({
  url,
  max = 8,
  applicationName = 'syncline',
  statementTimeoutMs = 60_000,
  settings = {},
}: PoolOptions): Pool => {
  const connection = { connectionString: url, application_name: applicationName }
  const watch = new SilenceWatch(reviewOver(connection))
  const pool = new pg.Pool({
    ...connection,
    max,
    connectionTimeoutMillis: 5_000,
    idleTimeoutMillis: 30_000,
    keepAlive: true,
    statement_timeout: statementTimeoutMs,
    lock_timeout: 30_000,
    idle_in_transaction_session_timeout: 60_000,
    // Waited for before the connection is given out. Not as start-up options: those of the URL would replace them.
    onConnect: async (client) => {
      await watch.connected(client)
      for (const setting of Object.entries(settings)) await client.query('select set_config($1, $2, false)', setting)
    },
  })
  pool.on('acquire', (client) => watch.works(client))
  pool.on('release', (error, client) => {
    if (!error) watch.rests(client)
  })
  // An idle connection that breaks is dropped by the pool; the next query says so if the server is really away.
  pool.on('error', () => undefined)
  // So is one that breaks while it is in use: its query rejects, and an error event without a listener would end the process.
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

/** SQLSTATE of an error thrown by PostgreSQL, also when it is wrapped. */
export const sqlState = (error: unknown): string | undefined => {
  if (error instanceof pg.DatabaseError) return error.code
  return error instanceof SynclineError ? sqlState(error.cause) : undefined
}

/** Why PostgreSQL refused a row: condition, and constraint or column where it names one. Its own message quotes the value. */
export const refusalOf = (error: unknown): string => {
  if (!(error instanceof pg.DatabaseError)) return 'it did not say why'
  const column = error.column ?? /\bcolumn "?(\w+)"?/.exec(error.where ?? '')?.[1]
  const at = error.constraint ?? column
  return refusalText(error.code ?? 'unknown', at)
}

/** `at`: constraint or column, where there is one. */
export const refusalText = (state: string, at?: string): string => `SQLSTATE ${state}${at ? ` at ${at}` : ''}`

const CONNECTION_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ENOTFOUND',
  'EHOSTUNREACH',
  'EAI_AGAIN',
  'ENOENT',
])
const CONNECTION_MESSAGES =
  /connection terminated|timeout exceeded when trying to connect|client has encountered a connection error|connection ended/i

/** True when the server cannot be reached or is going down: wait and try again, nothing is wrong with the statement. */
export const isDatabaseAway = (error: unknown): boolean => {
  const state = sqlState(error)
  if (state !== undefined) return state.startsWith('08') || state.startsWith('57P') || state.startsWith('53')
  if (!(error instanceof Error)) return false
  const code = 'code' in error ? String(error.code) : ''
  return CONNECTION_CODES.has(code) || CONNECTION_MESSAGES.test(error.message)
}

/** True for a deadlock or serialization failure: the whole transaction may be tried again at once. */
export const isRetryableTransaction = (error: unknown): boolean => ['40P01', '40001'].includes(sqlState(error) ?? '')

/** An array parameter of numbers, uuids or names without special characters, as text: pg would quote each of thousands. */
export const plainArray = (values: readonly (number | string)[]): string => `{${values.join(',')}}`

const MAX_TRANSACTION_ATTEMPTS = 8

/** Runs `work` in one transaction; again after a deadlock or serialization failure, so it must have no effect but in the database. */
export const inTransaction = <T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  how: TransactionOptions = {},
): Promise<T> => retrying(() => runTransaction(pool, work, how))

/** Runs a statement or transaction again after a deadlock or serialization failure, a few times. */
export const retrying = async <T>(run: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (!isRetryableTransaction(error) || attempt >= MAX_TRANSACTION_ATTEMPTS) throw error
      await pause(backoffMs(attempt, { baseMs: 10, maxMs: 500 }))
    }
  }
}

export interface TransactionOptions {
  /** Called with the connection before the transaction: what a rollback must not take along. */
  readonly prepare?: (client: PoolClient) => Promise<void>
  /** How it begins; settings may follow. */
  readonly begin?: string
}

const runTransaction = async <T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  { prepare, begin = 'begin' }: TransactionOptions,
): Promise<T> => {
  const client = await pool.connect()
  try {
    await prepare?.(client)
    await client.query(begin)
    const result = await work(client)
    await client.query('commit')
    client.release()
    return result
  } catch (error) {
    await client.query('rollback').then(
      () => client.release(isDatabaseAway(error)),
      (failure: unknown) => client.release(failure instanceof Error ? failure : true),
    )
    throw error
  }
}
