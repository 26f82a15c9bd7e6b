// An Avro record to the fields of a row of binary COPY without making a record of it: texts go as bytes from one to the other.
// Pure. For messages written under our own schema, which nearly all are; whatever is unusual takes the way through the record
// (copy.ts), and test/unit/sinks/transcode.test.ts holds the two together.
import { hash } from 'node:crypto'
import { VarintReader } from '../../platform/varint.ts'
import type { CanonicalEntity, CanonicalField, ColumnKind } from '../../topics/canonical.ts'
import { BODY_START } from '../../topics/canonical-codec.ts'
import { contentFields, type EncodedRecord, HASH_DIGITS, MAX_KEY_BYTES } from './copy.ts'
import { CopyBuffer } from './copy-buffer.ts'
import { isHeldByJsonb } from './text.ts'

/** Undefined: it takes the way through the record, which says what is wrong if anything is. */
export type Transcoder = (message: Buffer) => EncodedRecord | undefined

const ABSENT = -1

type Skip = (reader: VarintReader) => void
/** Writes the value at the reader; false: not as it is. */
type Write = (reader: VarintReader, out: CopyBuffer) => boolean

const skipLong: Skip = (reader) => {
  while ((reader.bytes[reader.at++] ?? 0) > 0x7f);
}

/** Length of a string or of anything else that stands after its length. Throws RangeError when it ends beyond the message. */
const lengthAt = (reader: VarintReader): number => {
  const length = reader.int()
  if (length < 0 || reader.at + length > reader.bytes.length) throw new RangeError('a length points beyond the message')
  return length
}

const skipText: Skip = (reader) => {
  // The length first: reading it moves the reader.
  const length = lengthAt(reader)
  reader.at += length
}

/** Only the empty map is passed over. */
const skipMap: Skip = (reader) => {
  if (reader.bytes[reader.at++] !== 0) throw new RangeError('a map with entries')
}

const primitiveOf = ({ type }: CanonicalField): 'string' | 'boolean' | 'int' | 'long' | 'double' | 'map' => {
  const inner = Array.isArray(type) ? type[1] : type
  return typeof inner === 'string' ? inner : inner.type
}

const SKIPS: Readonly<Record<ReturnType<typeof primitiveOf>, Skip>> = {
  string: skipText,
  boolean: (reader) => void reader.at++,
  int: skipLong,
  long: skipLong,
  double: (reader) => {
    reader.at += 8
  },
  map: skipMap,
}

const written = (write: (reader: VarintReader, out: CopyBuffer) => void): Write => {
  return (reader, out) => {
    write(reader, out)
    return true
  }
}

const textOf = (bytes: Buffer, at: number, length: number): string => bytes.toString('utf8', at, at + length)

const textAt = (reader: VarintReader): string => {
  const length = lengthAt(reader)
  return textOf(reader.bytes, reader.at, length)
}

const textOfAtMost =
  (maxBytes: number): Write =>
  (reader, out) => {
    const length = lengthAt(reader)
    return length <= maxBytes && out.utf8(reader.bytes, reader.at, reader.at + length)
  }

/** JSON that was found to be so is kept: the next record mostly has the same in its column. */
const jsonWriter = (): Write => {
  let known: Buffer | undefined
  return (reader, out) => {
    const length = lengthAt(reader)
    const { bytes, at } = reader
    if (!out.utf8Json(bytes, at, at + length)) return false
    if (known?.length === length && known.compare(bytes, at, at + length) === 0) return true
    if (!isHeldByJsonb(textOf(bytes, at, length))) return false
    known = Buffer.from(bytes.subarray(at, at + length))
    return true
  }
}

const WRITES: Readonly<Record<Exclude<ColumnKind, 'json'>, Write>> = {
  text: textOfAtMost(Number.POSITIVE_INFINITY),
  uuid: written((reader, out) => out.uuid(textAt(reader))),
  boolean: (reader, out) => {
    const byte = reader.bytes[reader.at]
    out.boolean(byte === 1)
    return byte === 0 || byte === 1
  },
  int: written((reader, out) => out.int(reader.long())),
  bigint: written((reader, out) => out.bigint(reader.long())),
  double: written((reader, out) => out.double(reader.bytes.readDoubleLE(reader.at))),
  date: written((reader, out) => out.date(reader.long())),
  timestamp: written((reader, out) => out.timestamp(reader.long())),
}

const writeEmptyMap: Write = written((_, out) => out.json('{}'))

/** The same few texts come again and again: kept, as long as the bytes are the same. */
const createRemembered = (): ((reader: VarintReader) => string) => {
  let bytes = Buffer.alloc(0)
  let text = ''
  return (reader) => {
    const length = lengthAt(reader)
    const { bytes: from, at } = reader
    if (bytes.length !== length || bytes.compare(from, at, at + length) !== 0) {
      bytes = Buffer.from(from.subarray(at, at + length))
      text = bytes.toString()
    }
    return text
  }
}

export const createTranscoder = (entity: CanonicalEntity): Transcoder => {
  const { fields } = entity.schema
  const skips = fields.map((field) => ({ skip: SKIPS[primitiveOf(field)], nullable: Array.isArray(field.type) }))
  const indexOf = new Map(fields.map((field, n) => [field.name, n]))
  const at = (field: string): number => indexOf.get(field) ?? ABSENT
  const [id, orgId, source, externalId] = [at('id'), at('orgId'), at('source'), at('externalId')]
  const [sourceUpdatedAt, observedAt, mappingRevision, deletedAt] = [
    at('sourceUpdatedAt'),
    at('observedAt'),
    at('mappingRevision'),
    at('deletedAt'),
  ]
  const indexed = textOfAtMost(MAX_KEY_BYTES)
  const keys = [
    { index: id, write: WRITES.uuid },
    { index: orgId, write: indexed },
    { index: source, write: WRITES.text },
    { index: externalId, write: indexed },
  ]
  const content = contentFields(entity).map(({ field, kind }) => {
    const index = at(field)
    const isMap = fields[index] !== undefined && primitiveOf(fields[index]) === 'map'
    return { index, write: isMap ? writeEmptyMap : kind === 'json' ? jsonWriter() : WRITES[kind] }
  })
  const [orgOf, sourceOf] = [createRemembered(), createRemembered()]
  /** Where the value of each field begins. */
  const starts = new Int32Array(fields.length)
  const out = new CopyBuffer()

  const findFields = (reader: VarintReader): void => {
    for (const [n, { skip, nullable }] of skips.entries()) {
      if (nullable) {
        const branch = reader.int()
        if (branch === 0) {
          starts[n] = ABSENT
          continue
        }
        if (branch !== 1) throw new RangeError('no such branch')
      }
      starts[n] = reader.at
      skip(reader)
    }
    if (reader.at !== reader.bytes.length) throw new RangeError('the message does not end where its record does')
  }

  const moveTo = (reader: VarintReader, index: number): boolean => {
    reader.at = starts[index] ?? ABSENT
    return reader.at !== ABSENT
  }

  const writeAll = (reader: VarintReader, columns: readonly { index: number; write: Write }[]): boolean => {
    for (const { index, write } of columns) {
      if (!moveTo(reader, index)) out.nothing()
      else if (!write(reader, out)) return false
    }
    return true
  }

  const longAt = (reader: VarintReader, index: number): number | null => (moveTo(reader, index) ? reader.long() : null)

  const transcode = (message: Buffer): EncodedRecord | undefined => {
    const reader = new VarintReader(message, BODY_START)
    findFields(reader)
    out.drop()
    if (!writeAll(reader, keys)) return undefined
    const contentStart = out.length
    if (!writeAll(reader, content)) return undefined
    const contentHash = hash('sha1', out.view(contentStart)).slice(0, HASH_DIGITS)
    const seen = longAt(reader, observedAt) ?? 0
    const revision = longAt(reader, mappingRevision) ?? 0
    out.timestamp(seen)
    out.int(revision)
    out.uuid(contentHash)
    const fieldText = (index: number): string => (moveTo(reader, index) ? textAt(reader) : '')
    return {
      id: fieldText(id),
      orgId: moveTo(reader, orgId) ? orgOf(reader) : '',
      source: moveTo(reader, source) ? sourceOf(reader) : '',
      externalId: fieldText(externalId),
      sourceUpdatedAt: longAt(reader, sourceUpdatedAt),
      observedAt: seen,
      mappingRevision: revision,
      deleted: starts[deletedAt] !== ABSENT,
      contentHash,
      row: out.take(),
    }
  }

  return (message) => {
    try {
      return transcode(message)
    } catch (error) {
      if (error instanceof RangeError) return undefined
      throw error
    }
  }
}
