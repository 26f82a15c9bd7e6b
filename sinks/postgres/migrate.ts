// Brings schema `canonical` and the tables of parked rows to the state that this version needs.
import type { Logger } from '../../platform/logger.ts'
import { type MigrationSet, migrate } from '../../platform/migrations.ts'

export const CANONICAL_MIGRATIONS: MigrationSet = {
  table: 'canonical_migrations',
  folder: new URL('./migrations/', import.meta.url),
}

export const migrateCanonical = (databaseUrl: string, log: Logger): Promise<readonly string[]> =>
  migrate(databaseUrl, CANONICAL_MIGRATIONS, log)
