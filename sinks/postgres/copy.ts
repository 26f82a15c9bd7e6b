// One canonical record as a line of COPY text, with its content hash: pure. Text and not binary: see bench/copy-formats.ts.
import { hash } from 'node:crypto'
import type { CanonicalEntity, ColumnKind } from '../../topics/canonical.ts'
import type { CanonicalRecord } from '../../topics/canonical-codec.ts'
import type { Version } from '../version.ts'
import { CONTENT_COLUMNS, commonOf } from './layout.ts'
import { copyJson, copyText, jsonObject, type OnReplaced } from './text.ts'
import { dateText, timestampText } from './times.ts'

export interface EncodedRecord extends Version {
  readonly id: string
  readonly orgId: string
  readonly source: string
  readonly externalId: string
  /** The record's columns in the layout's order, separated by tabs; no end of line. */
  readonly line: string
}

/** Throws RangeError for a date or time that no calendar has. */
export type RecordEncoder = (record: CanonicalRecord) => EncodedRecord

type Value = CanonicalRecord[string] | undefined
type FieldEncoder = (value: Value, onReplaced: OnReplaced) => string

const NULL = '\\N'
// Hashes are for telling change, not for security; sha1 is the fastest that every OpenSSL build has, cut to the size of a uuid.
const HASH_DIGITS = 32

const plain = (value: Value): string => (value === null || value === undefined ? NULL : String(value))
const text: FieldEncoder = (value, onReplaced) => (typeof value === 'string' ? copyText(value, onReplaced) : plain(value))

const FIELD_ENCODERS: Readonly<Record<ColumnKind, FieldEncoder>> = {
  text,
  uuid: text,
  boolean: plain,
  int: plain,
  bigint: plain,
  double: plain,
  date: (value) => (typeof value === 'number' ? dateText(value) : NULL),
  timestamp: (value) => (typeof value === 'number' ? timestampText(value) : NULL),
  json: (value, onReplaced) => {
    if (value === null || value === undefined) return NULL
    return copyJson(typeof value === 'object' ? jsonObject(value) : String(value), onReplaced)
  },
}

const contentFields = (entity: CanonicalEntity): readonly { field: string; encode: FieldEncoder }[] =>
  [...entity.columns, ...commonOf(CONTENT_COLUMNS)].flatMap(({ field, kind }) =>
    field === null ? [] : [{ field, encode: FIELD_ENCODERS[kind] }],
  )

/** What cannot be held by PostgreSQL's text (NUL, half a surrogate pair) becomes U+FFFD and is reported to `onReplaced`. */
export const createRecordEncoder = (entity: CanonicalEntity, onReplaced: OnReplaced): RecordEncoder => {
  const fields = contentFields(entity)
  return (record) => {
    let content = ''
    for (const { field, encode } of fields) content += `${encode(record[field], onReplaced)}\t`
    const contentHash = hash('sha1', content).slice(0, HASH_DIGITS)
    const key = `${copyText(record.id, onReplaced)}\t${copyText(record.orgId, onReplaced)}\t${copyText(record.source, onReplaced)}\t${copyText(record.externalId, onReplaced)}`
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
      line: `${key}\t${content}${timestampText(record.observedAt)}\t${record.mappingRevision}\t${contentHash}`,
    }
  }
}
