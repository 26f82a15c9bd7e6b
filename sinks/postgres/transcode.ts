// An Avro record to the fields of a row of binary COPY without making a record of it: texts go as bytes from one to the other.
// Pure. For messages written under our own schema, which nearly all are; whatever is unusual takes the way through the record
// (copy.ts), and test/unit/sinks/transcode.test.ts holds the two together.
import { hash } from 'node:crypto'
import { VarintReader } from '../../platform/varint.ts'
import type { CanonicalEntity, CanonicalField } from '../../topics/canonical.ts'
import { BODY_START } from '../../topics/canonical-codec.ts'
import { contentFields, type EncodedRecord, HASH_DIGITS, MAX_KEY_BYTES } from './copy.ts'
import { CopyBuffer } from './copy-buffer.ts'
import { isHeldByJsonb } from './text.ts'

/** Undefined: it takes the way through the record, which says what is wrong if anything is. */
export type Transcoder = (message: Buffer) => EncodedRecord | undefined

const ABSENT = -1

/** How a value is passed over, and written. Numbers that one function looks at for all fields: a call of a function of each field's own takes longer than what most do. */
const SKIP = { string: 0, boolean: 1, int: 2, long: 2, double: 3, map: 4 } as const
const WRITE = {
  text: 0,
  uuid: 1,
  boolean: 2,
  int: 3,
  bigint: 4,
  double: 5,
  date: 6,
  timestamp: 7,
  json: 8,
  emptyMap: 9,
  key: 10,
} as const
const DOUBLE_BYTES = 8

const primitiveOf = ({ type }: CanonicalField): keyof typeof SKIP => {
  const inner = Array.isArray(type) ? type[1] : type
  return typeof inner === 'string' ? inner : inner.type
}

const skipOf = (field: CanonicalField): number => {
  const how: number | undefined = SKIP[primitiveOf(field)]
  if (how === undefined) throw new TypeError(`${field.name} is of a type that is not passed over`)
  return how
}

/** Length of a string or of anything else that stands after its length. Throws RangeError when it ends beyond the message. */
const lengthAt = (reader: VarintReader): number => {
  const length = reader.int()
  if (length < 0 || reader.at + length > reader.bytes.length) throw new RangeError('a length points beyond the message')
  return length
}

/** Moves the reader behind a value. */
const skip = (reader: VarintReader, how: number): void => {
  switch (how) {
    case SKIP.string: {
      // The length first: reading it moves the reader.
      const length = lengthAt(reader)
      reader.at += length
      return
    }
    case SKIP.boolean:
      reader.at++
      return
    case SKIP.long:
      while ((reader.bytes[reader.at++] ?? 0) > 0x7f);
      return
    case SKIP.double:
      reader.at += DOUBLE_BYTES
      return
    default:
      // Only the empty map is passed over.
      if (reader.bytes[reader.at++] !== 0) throw new RangeError('a map with entries')
  }
}

const textOf = (bytes: Buffer, at: number, length: number): string => bytes.toString('utf8', at, at + length)

const textAt = (reader: VarintReader): string => {
  const length = lengthAt(reader)
  return textOf(reader.bytes, reader.at, length)
}

const writeText = (reader: VarintReader, out: CopyBuffer, maxBytes: number): boolean => {
  const length = lengthAt(reader)
  return length <= maxBytes && out.utf8(reader.bytes, reader.at, reader.at + length)
}

const writeBoolean = (reader: VarintReader, out: CopyBuffer): boolean => {
  const byte = reader.bytes[reader.at]
  out.boolean(byte === 1)
  return byte === 0 || byte === 1
}

/** Which value of the message a column takes, and how. */
interface Taken {
  readonly index: number
  readonly how: number
  /** JSON that was found to be so: the next record mostly has the same in its column. */
  known: Buffer | undefined
}

const writeJson = (reader: VarintReader, out: CopyBuffer, taken: Taken): boolean => {
  const length = lengthAt(reader)
  const { bytes, at } = reader
  if (!out.utf8Json(bytes, at, at + length)) return false
  if (taken.known?.length === length && taken.known.compare(bytes, at, at + length) === 0) return true
  if (!isHeldByJsonb(textOf(bytes, at, length))) return false
  taken.known = Buffer.from(bytes.subarray(at, at + length))
  return true
}

/** Writes the value at the reader; false: not as it is. */
const write = (reader: VarintReader, out: CopyBuffer, taken: Taken): boolean => {
  switch (taken.how) {
    case WRITE.text:
      return writeText(reader, out, Number.POSITIVE_INFINITY)
    case WRITE.boolean:
      return writeBoolean(reader, out)
    case WRITE.timestamp:
      out.timestamp(reader.long())
      return true
    case WRITE.int:
      out.int(reader.long())
      return true
    case WRITE.bigint:
      out.bigint(reader.long())
      return true
    case WRITE.double:
      out.double(reader.bytes.readDoubleLE(reader.at))
      return true
    case WRITE.date:
      out.date(reader.long())
      return true
    case WRITE.uuid:
      out.uuid(textAt(reader))
      return true
    case WRITE.json:
      return writeJson(reader, out, taken)
    case WRITE.emptyMap:
      out.json('{}')
      return true
    default:
      return writeText(reader, out, MAX_KEY_BYTES)
  }
}

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
  const skips = Uint8Array.from(fields, skipOf)
  const nullable = Uint8Array.from(fields, ({ type }) => (Array.isArray(type) ? 1 : 0))
  const indexOf = new Map(fields.map((field, n) => [field.name, n]))
  const at = (field: string): number => indexOf.get(field) ?? ABSENT
  const [id, orgId, source, externalId] = [at('id'), at('orgId'), at('source'), at('externalId')]
  const [sourceUpdatedAt, observedAt, mappingRevision, deletedAt] = [
    at('sourceUpdatedAt'),
    at('observedAt'),
    at('mappingRevision'),
    at('deletedAt'),
  ]
  const taken = (index: number, how: number): Taken => ({ index, how, known: undefined })
  /** Behind the id. */
  const keys = [taken(orgId, WRITE.key), taken(source, WRITE.text), taken(externalId, WRITE.key)]
  const content = contentFields(entity).map(({ field, kind }) => {
    const index = at(field)
    const isMap = fields[index] !== undefined && primitiveOf(fields[index]) === 'map'
    return taken(index, isMap ? WRITE.emptyMap : WRITE[kind])
  })
  const [orgOf, sourceOf] = [createRemembered(), createRemembered()]
  /** Where the value of each field begins. */
  const starts = new Int32Array(fields.length)
  const out = new CopyBuffer()

  const findFields = (reader: VarintReader): void => {
    const count = skips.length
    for (let n = 0; n < count; n++) {
      if (nullable[n] === 1) {
        const branch = reader.int()
        if (branch === 0) {
          starts[n] = ABSENT
          continue
        }
        if (branch !== 1) throw new RangeError('no such branch')
      }
      starts[n] = reader.at
      skip(reader, skips[n] ?? 0)
    }
    if (reader.at !== reader.bytes.length) throw new RangeError('the message does not end where its record does')
  }

  const moveTo = (reader: VarintReader, index: number): boolean => {
    reader.at = starts[index] ?? ABSENT
    return reader.at !== ABSENT
  }

  const writeAll = (reader: VarintReader, columns: readonly Taken[]): boolean => {
    for (const column of columns) {
      if (!moveTo(reader, column.index)) out.nothing()
      else if (!write(reader, out, column)) return false
    }
    return true
  }

  const textIn = (reader: VarintReader, index: number): string => (moveTo(reader, index) ? textAt(reader) : '')
  const longAt = (reader: VarintReader, index: number): number | null => (moveTo(reader, index) ? reader.long() : null)

  const transcode = (message: Buffer): EncodedRecord | undefined => {
    const reader = new VarintReader(message, BODY_START)
    findFields(reader)
    out.drop()
    const idText = textIn(reader, id)
    out.uuid(idText)
    if (!writeAll(reader, keys)) return undefined
    const contentStart = out.length
    if (!writeAll(reader, content)) return undefined
    const contentHash = hash('sha1', out.view(contentStart)).slice(0, HASH_DIGITS)
    const seen = longAt(reader, observedAt) ?? 0
    const revision = longAt(reader, mappingRevision) ?? 0
    out.timestamp(seen)
    out.int(revision)
    out.uuid(contentHash)
    return {
      id: idText,
      orgId: moveTo(reader, orgId) ? orgOf(reader) : '',
      source: moveTo(reader, source) ? sourceOf(reader) : '',
      externalId: textIn(reader, externalId),
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
