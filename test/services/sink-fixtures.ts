// A database of its own for a test file, and short ways to canonical records and batches.
import { createHash, randomUUID } from 'node:crypto'
import { migrateLedger } from '../../ledger/migrate.ts'
import { saveConnection } from '../../ledger/organisations.ts'
import { createRun } from '../../ledger/runs.ts'
import { silentLogger } from '../../platform/logger.ts'
import { createPool, type Pool } from '../../platform/postgres.ts'
import type { GatheredBatch } from '../../sinks/batch.ts'
import { createGatherer } from '../../sinks/gather.ts'
import { createRecordEncoder, type RecordEncoder } from '../../sinks/postgres/copy.ts'
import { migrateCanonical } from '../../sinks/postgres/migrate.ts'
import type { Bury } from '../../sinks/postgres/sweep.ts'
import { canonicalEntities, canonicalEntity } from '../../topics/canonical.ts'
import type { CanonicalRecord, CanonicalValue } from '../../topics/canonical-codec.ts'
import { keyRing } from './ledger-fixtures.ts'
import { freshDatabase } from './support.ts'

export interface TestDatabase {
  readonly url: string
  readonly pool: Pool
  drop(): Promise<void>
}

export const createTestDatabase = async (): Promise<TestDatabase> => {
  const { url, drop } = await freshDatabase()
  await migrateLedger(url, silentLogger)
  await migrateCanonical(url, silentLogger)
  const pool = createPool({ url, max: 6 })
  return { url, pool, drop: () => pool.end().then(drop) }
}

/** A run that landings are recorded for. */
export const startRun = async (pool: Pool): Promise<{ runId: string; orgId: string }> => {
  const orgId = `org-${randomUUID().slice(0, 8)}`
  const connection = { orgId, source: 'pco', adapter: 'pco', baseUrl: null, settings: {}, rateLimit: null, credential: 'none' }
  await saveConnection(pool, keyRing(0), connection)
  const runId = await createRun(pool, { orgId, source: 'pco', adapter: 'pco', strategy: 'full', selection: ['person'] })
  return { runId, orgId }
}

/** An id that is the same for the same parts. */
export const idOf = (...parts: readonly string[]): string => {
  const hex = createHash('sha1').update(parts.join('/')).digest('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}

export interface RecordParts {
  readonly orgId: string
  readonly externalId: string
  readonly sourceUpdatedAt?: number | null
  readonly observedAt?: number
  readonly mappingRevision?: number
  readonly deletedAt?: number | null
  readonly customFields?: Readonly<Record<string, string>>
  readonly fields?: Readonly<Record<string, CanonicalValue>>
}

export const recordOf = (entity: string, parts: RecordParts): CanonicalRecord => ({
  ...Object.fromEntries(canonicalEntity(entity).columns.map(({ field }) => [field, null])),
  ...parts.fields,
  id: idOf(parts.orgId, entity, parts.externalId),
  orgId: parts.orgId,
  source: 'pco',
  externalId: parts.externalId,
  sourceUpdatedAt: parts.sourceUpdatedAt === undefined ? 1_000_000 : parts.sourceUpdatedAt,
  observedAt: parts.observedAt ?? 2_000_000,
  mappingRevision: parts.mappingRevision ?? 1,
  deletedAt: parts.deletedAt ?? null,
  customFields: parts.customFields ?? {},
})

const encoders = new Map<string, RecordEncoder>(canonicalEntities.map((e) => [e.entity, createRecordEncoder(e, () => undefined)]))

export interface BatchItem {
  readonly entity: string
  readonly record: CanonicalRecord
  /** `run/range/page/attempt/index/count`. */
  readonly origin?: string
  /** As it stood on its topic. */
  readonly value?: Buffer
  readonly replays?: string
}

/** For sweeps of tables that refuse nothing. */
export const nothingRefused: Bury = () => Promise.reject(new Error('A parked row was refused'))

export const batchOf = (items: readonly BatchItem[]): GatheredBatch => {
  const gatherer = createGatherer({ maxRecords: 1_000_000, maxBytes: 1_000_000_000 }, 1)
  for (const { entity, record, origin, value = null, replays } of items) {
    const encoded = encoders.get(entity)?.(record)
    if (encoded !== undefined) gatherer.record(entity, encoded, { value, origin, replays })
  }
  return gatherer.take()
}
