// What tests of the ledger begin with: its tables in a database of their own, a range that walks along a key, and receipts of its pages.
import { migrateLedger } from '../../ledger/migrate.ts'
import type { Receipt } from '../../ledger/receipts.ts'
import { type KeyRing, parseEncryptionKey } from '../../ledger/secrets.ts'
import { silentLogger } from '../../platform/logger.ts'
import { createPool, type Pool } from '../../platform/postgres.ts'
import { freshDatabase } from './support.ts'

export interface FreshLedger {
  readonly pool: Pool
  remove(): Promise<void>
}

/** The ledger's tables, empty; `max` connections at most. */
export const freshLedger = async ({ max }: { readonly max?: number } = {}): Promise<FreshLedger> => {
  const database = await freshDatabase()
  await migrateLedger(database.url, silentLogger)
  const pool = createPool({ url: database.url, ...(max === undefined ? {} : { max }) })
  return {
    pool,
    remove: async () => {
      await pool.end()
      await database.drop()
    },
  }
}

const keyText = (fill: number): string => Buffer.alloc(32, fill).toString('base64')

/** Keys made of one byte each. */
export const keyRing = (current: number, old?: number): KeyRing =>
  parseEncryptionKey(keyText(current), old === undefined ? undefined : keyText(old))

export const KEYSET_WALK = { kind: 'keyset', field: 'created_at', from: null, to: null, split: true } as const

/** Of page `page` of range 0 of people: four of them, with more to come. */
export const receiptOf = (runId: string, epoch: number, page: number, more: Partial<Receipt> = {}): Receipt => ({
  runId,
  rangeId: 0,
  epoch,
  page,
  entity: 'person',
  next: { after: page },
  release: false,
  counts: { person: 4 },
  fresh: 4,
  total: null,
  drifted: false,
  bytes: 100,
  request: '/people',
  observedAt: Date.now(),
  rawPartition: 0,
  rawOffset: BigInt(page),
  calls: 1,
  ...more,
})
