// One canonical record as the fields of a row of binary COPY, with its content hash: pure. Binary and not text, because it is
// cheaper to write and half the work to read: bench/copy-formats.ts measures both.
import { hash } from 'node:crypto'
import type { CanonicalEntity, ColumnKind } from '../../topics/canonical.ts'
import type { CanonicalRecord } from '../../topics/canonical-codec.ts'
import type { Version } from '../version.ts'
import { CopyBuffer, type Piece } from './copy-buffer.ts'
import { CONTENT_COLUMNS, commonOf } from './layout.ts'
import { cleanJson, isHeldByJsonb, jsonObject, type OnReplaced } from './text.ts'

export interface EncodedRecord extends Version {
  readonly id: string
  readonly orgId: string
  readonly source: string
  readonly externalId: string
  /** The record's columns in the layout's order, without the count of fields. */
  readonly row: Piece
}

/** Throws RangeError naming the field when PostgreSQL would refuse its value in its column; the value itself is not in the message. */
export type RecordEncoder = (record: CanonicalRecord) => EncodedRecord

type Value = Exclude<CanonicalRecord[string], null>
type FieldWriter = (out: CopyBuffer, value: Value, onReplaced: OnReplaced) => void

// Hashes are for telling change, not for security; sha1 is the fastest that every OpenSSL build has, cut to the size of a uuid.
export const HASH_DIGITS = 32

/** Of an indexed text: an entry of a B-tree has at most 2,704 bytes, all its columns together. */
export const MAX_KEY_BYTES = 2_000

const FIELD_WRITERS: Readonly<Record<ColumnKind, FieldWriter>> = {
  text: (out, value, onReplaced) => out.text(String(value), onReplaced),
  uuid: (out, value) => out.uuid(String(value)),
  boolean: (out, value) => out.boolean(value === true),
  int: (out, value) => out.int(Number(value)),
  bigint: (out, value) => out.bigint(Number(value)),
  double: (out, value) => out.double(Number(value)),
  date: (out, value) => out.date(Number(value)),
  timestamp: (out, value) => out.timestamp(Number(value)),
  json: (out, value, onReplaced) => {
    const json = cleanJson(typeof value === 'object' ? jsonObject(value) : String(value), onReplaced)
    if (!isHeldByJsonb(json)) throw new RangeError('not JSON that jsonb can hold')
    out.json(json)
  },
}

/** What a source says: the fields that the hash is taken of, in the order of their columns. */
export const contentFields = (entity: CanonicalEntity): readonly { readonly field: string; readonly kind: ColumnKind }[] =>
  [...entity.columns, ...commonOf(CONTENT_COLUMNS)].flatMap(({ field, kind }) => (field === null ? [] : [{ field, kind }]))

/** What cannot be held by PostgreSQL's text (NUL, half a surrogate pair) becomes U+FFFD and is reported to `onReplaced`. */
export const createRecordEncoder = (entity: CanonicalEntity, onReplaced: OnReplaced): RecordEncoder => {
  const fields = contentFields(entity).map(({ field, kind }) => ({ field, write: FIELD_WRITERS[kind] }))
  const out = new CopyBuffer()

  const writeIndexed = (field: string, value: string): void => {
    if (Buffer.byteLength(value) > MAX_KEY_BYTES) throw new RangeError(`${field} is longer than an index of its column can hold`)
    out.text(value, onReplaced)
  }

  const writeKey = ({ id, orgId, source, externalId }: CanonicalRecord): void => {
    out.drop()
    out.uuid(id)
    writeIndexed('orgId', orgId)
    out.text(source, onReplaced)
    writeIndexed('externalId', externalId)
  }

  const writeContent = (record: CanonicalRecord): string => {
    const start = out.length
    let current = ''
    try {
      for (const { field, write } of fields) {
        current = field
        const value = record[field]
        if (value === null || value === undefined) out.nothing()
        else write(out, value, onReplaced)
      }
    } catch (error) {
      // The message of Node's own RangeError quotes the value.
      throw error instanceof RangeError ? new RangeError(`${current} has a value that its column cannot hold`) : error
    }
    return hash('sha1', out.view(start)).slice(0, HASH_DIGITS)
  }

  const writeVersion = ({ observedAt, mappingRevision }: CanonicalRecord, contentHash: string): void => {
    out.timestamp(observedAt)
    out.int(mappingRevision)
    out.uuid(contentHash)
  }

  return (record) => {
    writeKey(record)
    const contentHash = writeContent(record)
    writeVersion(record, contentHash)
    return {
      id: record.id,
      orgId: record.orgId,
      source: record.source,
      externalId: record.externalId,
      sourceUpdatedAt: record.sourceUpdatedAt,
      observedAt: record.observedAt,
      mappingRevision: record.mappingRevision,
      deleted: record.deletedAt !== null,
      contentHash,
      row: out.take(),
    }
  }
}
