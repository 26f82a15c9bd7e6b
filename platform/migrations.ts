// Runs a folder of SQL migrations with node-pg-migrate; several processes may do so at once, one works and the others wait.
import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { messageOf, SynclineError } from './errors.ts'
import type { Logger } from './logger.ts'
import { createPool, isDatabaseAway, type Queryable } from './postgres.ts'

export interface MigrationSet {
  /** Name of the table that remembers what was run, in schema `sync`. */
  readonly table: string
  readonly folder: URL
}

const LOCK_KEY = 7_301_955_021

/** Names of those that were run. */
export const migrate = async (databaseUrl: string, set: MigrationSet, log: Logger): Promise<readonly string[]> => {
  const pool = createPool({ url: databaseUrl, max: 1, applicationName: 'syncline-migrate' })
  try {
    const client = await pool.connect()
    try {
      if ((await pendingMigrations(client, set)).length === 0) return []
      // node-pg-migrate fails when another one runs; waiting is what a second worker wants, however long it takes.
      await client.query('set lock_timeout = 0; set statement_timeout = 0')
      await client.query('select pg_advisory_lock($1)', [LOCK_KEY])
      // Seldom needed, and slow to load.
      const { runner } = await import('node-pg-migrate')
      const done = await runner({
        dbClient: client,
        dir: fileURLToPath(set.folder),
        direction: 'up',
        migrationsTable: set.table,
        migrationsSchema: 'sync',
        createMigrationsSchema: true,
        noLock: true,
        log: (message) => log.debug({ message }, 'migration'),
      })
      return done.map((migration) => migration.name)
    } finally {
      await client.query('select pg_advisory_unlock($1)', [LOCK_KEY]).catch(() => undefined)
      client.release()
    }
  } catch (cause) {
    const code = isDatabaseAway(cause) ? 'unavailable' : 'incompatible'
    throw new SynclineError(code, `The database could not be migrated (${set.table}): ${messageOf(cause)}`, {
      cause,
      remedy: code === 'unavailable' ? 'Check SYNCLINE_DATABASE_URL and that PostgreSQL runs.' : 'See the migration named above.',
    })
  } finally {
    await pool.end()
  }
}

/** Names of those that were not run yet; of a database that has none, all. */
export const pendingMigrations = async (client: Queryable, { table, folder }: MigrationSet): Promise<readonly string[]> => {
  const names = (await readdir(fileURLToPath(folder))).filter((name) => name.endsWith('.sql')).map((name) => name.slice(0, -4))
  const there = await client.query<{ there: boolean }>('select to_regclass($1) is not null as there', [`sync.${table}`])
  if (!there.rows[0]?.there) return names.toSorted()
  const { rows } = await client.query<{ name: string }>(`select name from sync.${table}`)
  const done = new Set(rows.map(({ name }) => name))
  return names.filter((name) => !done.has(name)).toSorted()
}
