// One source record to the value of its canonical message, or to the reason why it dies. Pure; never throws.
import type { EntityDefinition, SourceRecord } from '../manifests/manifest.ts'
import type { Mapper } from '../manifests/map.ts'
import { messageOf } from '../platform/errors.ts'
import { type CanonicalRecord, encodeCanonical } from '../topics/canonical-codec.ts'
import type { DeadLetter } from '../topics/dead-letters.ts'
import { encodeParents, type Headers, ORIGIN_HEADER, PARENTS_HEADER, type ParentIds } from '../topics/headers.ts'

/** A canonical record above this does not fit its topic's messages (Kafka's default of 1 MiB, with room for headers). */
const MAX_RECORD_BYTES = 1_000_000

export type Failed = Pick<DeadLetter, 'code' | 'reason' | 'externalId'> & { readonly ok: false }

export type Encoded =
  | {
      readonly ok: true
      readonly id: string
      readonly value: Buffer
      readonly parents: ParentIds
      readonly sourceUpdatedAt: number | null
    }
  | Failed

export const encodeRecord = (
  mapper: Mapper,
  definition: EntityDefinition,
  record: SourceRecord,
  observedAt: number,
  schemaId: number,
): Encoded => {
  const mapped = mapper(definition, record, observedAt)
  return mapped.ok ? encodeMapped(definition.canonical.entity, mapped.record, mapped.parents, schemaId) : mapped
}

export const encodeMapped = (entity: string, record: CanonicalRecord, parents: ParentIds, schemaId: number): Encoded => {
  const { id, externalId, sourceUpdatedAt } = record
  try {
    const value = encodeCanonical(entity, schemaId, record)
    if (value.length <= MAX_RECORD_BYTES) return { ok: true, id, value, parents, sourceUpdatedAt }
    return {
      ok: false,
      code: 'too-large',
      reason: `The record has ${value.length} bytes; at most ${MAX_RECORD_BYTES} fit`,
      externalId,
    }
  } catch (error) {
    return { ok: false, code: 'encoding', reason: messageOf(error), externalId }
  }
}

/** `origin` undefined: the record belongs to no run. Made for each record, so without anything that is thrown away. */
export const headersOf = (origin: string | undefined, traceparent: string, parents: ParentIds): Headers => {
  const headers: Headers = origin === undefined ? { traceparent } : { [ORIGIN_HEADER]: origin, traceparent }
  if (parents.length > 0) headers[PARENTS_HEADER] = encodeParents(parents)
  return headers
}
