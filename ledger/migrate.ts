// Brings schema `sync` to the state that this version needs.
import type { Logger } from '../platform/logger.ts'
import { type MigrationSet, migrate } from '../platform/migrations.ts'

export const LEDGER_MIGRATIONS: MigrationSet = {
  table: 'ledger_migrations',
  folder: new URL('./migrations/', import.meta.url),
}

export const migrateLedger = (databaseUrl: string, log: Logger): Promise<readonly string[]> =>
  migrate(databaseUrl, LEDGER_MIGRATIONS, log)
