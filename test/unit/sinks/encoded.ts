// A record as it goes to PostgreSQL: its row is bytes that no test looks into.
import type { EncodedRecord } from '../../../sinks/postgres/copy.ts'

export const encodedRecord = (id: string, parts: Partial<EncodedRecord> = {}): EncodedRecord => ({
  id,
  orgId: 'acme',
  source: 'pco',
  externalId: id,
  sourceUpdatedAt: 1,
  observedAt: 1,
  mappingRevision: 1,
  deleted: false,
  contentHash: 'a',
  row: { slab: Buffer.alloc(100), start: 0, end: 100 },
  ...parts,
})
