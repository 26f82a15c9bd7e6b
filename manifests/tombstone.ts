// Rows that are gone: what the raw topic says of them, and the canonical record that marks one as deleted. Pure.
// Must hold: a page is taken for one of these by its header alone, which only a fetcher sets; no answer of a vendor can look like one.
import { canonicalEntity } from '../topics/canonical.ts'
import type { CanonicalRecord } from '../topics/canonical-codec.ts'
import type { Identity } from './identity.ts'
import type { CanonicalFields, EntityDefinition } from './manifest.ts'

const nothingByEntity = new Map<string, CanonicalFields>()

/** An entity's own fields, all null: those of a tombstone. */
export const noFields = (entity: string): CanonicalFields => {
  const known = nothingByEntity.get(entity)
  if (known !== undefined) return known
  const made = Object.freeze(Object.fromEntries(canonicalEntity(entity).columns.map(({ field }) => [field, null])))
  nothingByEntity.set(entity, made)
  return made
}

/** The value of a raw page that stands for a row which the source does not have any more. */
export const encodeGone = (externalId: string): Buffer => Buffer.from(JSON.stringify({ gone: { id: externalId } }))

/** Undefined for a body that is not of the form. */
export const goneIn = (body: unknown): string | undefined => {
  if (typeof body !== 'object' || body === null || !('gone' in body)) return undefined
  const { gone } = body
  if (typeof gone !== 'object' || gone === null || !('id' in gone)) return undefined
  return typeof gone.id === 'string' && gone.id !== '' ? gone.id : undefined
}

export interface TombstoneOrigin {
  readonly orgId: string
  readonly source: string
  readonly identity: Identity
  /** When the source was asked, in ms since 1970: it says of no moment since when the row is gone. */
  readonly observedAt: number
}

export const tombstoneOf = (
  { canonical: { entity, revision } }: EntityDefinition,
  externalId: string,
  { orgId, source, identity, observedAt }: TombstoneOrigin,
): CanonicalRecord => ({
  id: identity(entity, externalId),
  orgId,
  source,
  externalId,
  sourceUpdatedAt: null,
  observedAt,
  mappingRevision: revision,
  deletedAt: observedAt,
  customFields: {},
  ...noFields(entity),
})
