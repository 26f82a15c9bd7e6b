// Brings schema `sync` to the state that this version needs.
import type { Logger } from '../platform/logger.ts'
import { migrate } from '../platform/migrations.ts'

export const migrateLedger = (databaseUrl: string, log: Logger): Promise<readonly string[]> =>
  migrate(databaseUrl, { table: 'ledger_migrations', folder: new URL('./migrations/', import.meta.url) }, log)
