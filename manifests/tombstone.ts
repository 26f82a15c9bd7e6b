// A deletion as a canonical record: goes in whose it is and when it was observed, comes out a record of nothing but its key. Pure.
import { canonicalEntity } from '../topics/canonical.ts'
import type { CanonicalRecord } from '../topics/canonical-codec.ts'
import { canonicalId } from './identity.ts'

export interface Deletion {
  readonly orgId: string
  readonly source: string
  /** Canonical entity. */
  readonly entity: string
  readonly externalId: string
  /** Since when it is known to be gone: ms since 1970 by PostgreSQL's clock. */
  readonly observedAt: number
  readonly mappingRevision: number
}

export const tombstoneOf = ({ orgId, source, entity, externalId, observedAt, mappingRevision }: Deletion): CanonicalRecord => ({
  id: canonicalId(orgId, source, entity, externalId),
  orgId,
  source,
  externalId,
  sourceUpdatedAt: null,
  observedAt,
  mappingRevision,
  deletedAt: observedAt,
  customFields: {},
  ...Object.fromEntries(canonicalEntity(entity).columns.map(({ field }) => [field, null])),
})
