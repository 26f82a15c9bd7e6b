// Which form of COPY is cheaper, text or binary: encodes the same person records both ways and copies them into a staging table.
// Usage: npm run build && SYNCLINE_DATABASE_URL=postgres://… node dist/bench/copy-formats.js [records] [rounds]
// Prints one JSON object per form: µs per record of this process and of the whole COPY, and bytes per record.
import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { createPool, type PoolClient } from '../platform/postgres.ts'
import { createRecordEncoder } from '../sinks/postgres/copy.ts'
import { copyStatement, stagingTable } from '../sinks/postgres/ddl.ts'
import { layoutByEntity } from '../sinks/postgres/layout.ts'
import { type ColumnKind, canonicalEntity, commonColumns } from '../topics/canonical.ts'
import type { CanonicalRecord, CanonicalValue } from '../topics/canonical-codec.ts'

const person = canonicalEntity('person')
const layout = layoutByEntity.get('person')
if (layout === undefined) throw new Error('there is no person')

const OPTIONAL: Readonly<Record<ColumnKind, (i: number) => CanonicalValue>> = {
  text: (i) => `some text ${i}`,
  uuid: () => randomUUID(),
  boolean: (i) => i % 2 === 0,
  int: (i) => i % 100,
  bigint: (i) => i,
  double: (i) => i / 3,
  date: (i) => 9_000 + (i % 5_000),
  timestamp: (i) => 1_600_000_000_000 + i * 977,
  json: () => '{"a":1}',
}

/** Two of three fields are filled, about as in the recorded people. */
const personOf = (i: number): CanonicalRecord => ({
  ...Object.fromEntries(person.columns.map(({ field, kind }, at) => [field, at % 3 === 2 ? null : OPTIONAL[kind](i)])),
  id: randomUUID(),
  orgId: 'acme',
  source: 'pco',
  externalId: String(10_000_000 + i),
  sourceUpdatedAt: 1_700_000_000_000 + i * 977,
  observedAt: 1_760_000_000_000,
  mappingRevision: 1,
  deletedAt: null,
  customFields: {},
})

const encode = createRecordEncoder(person, () => undefined)
const textOf = (records: readonly CanonicalRecord[]): Buffer[] => {
  let text = ''
  for (const [pos, record] of records.entries()) text += `${encode(record).line}\t\\N\t\\N\t\\N\t\\N\t\\N\t${pos}\n`
  return [Buffer.from(text)]
}

const UNIX_TO_POSTGRES_MS = 946_684_800_000
const UNIX_TO_POSTGRES_DAYS = 10_957
let buffer = Buffer.allocUnsafe(64 * 1024 * 1024)
let end = 0

const sized = (bytes: number): number => {
  end = buffer.writeInt32BE(bytes, end)
  const at = end
  end += bytes
  return at
}
const writeText = (text: string): void => {
  const bytes = buffer.write(text, end + 4)
  buffer.writeInt32BE(bytes, end)
  end += 4 + bytes
}

const BINARY: Readonly<Record<ColumnKind, (value: CanonicalValue) => void>> = {
  text: (value) => writeText(String(value)),
  uuid: (value) => void buffer.write(String(value).replaceAll('-', ''), sized(16), 'hex'),
  boolean: (value) => void buffer.writeUInt8(value === true ? 1 : 0, sized(1)),
  int: (value) => void buffer.writeInt32BE(Number(value), sized(4)),
  bigint: (value) => void buffer.writeBigInt64BE(BigInt(Number(value)), sized(8)),
  double: (value) => void buffer.writeDoubleBE(Number(value), sized(8)),
  date: (value) => void buffer.writeInt32BE(Number(value) - UNIX_TO_POSTGRES_DAYS, sized(4)),
  timestamp: (value) => {
    const micros = (Number(value) - UNIX_TO_POSTGRES_MS) * 1_000
    const at = sized(8)
    buffer.writeInt32BE(Math.floor(micros / 2 ** 32), at)
    buffer.writeUInt32BE(((micros % 2 ** 32) + 2 ** 32) % 2 ** 32, at + 4)
  },
  json: (value) => {
    const text = String(value)
    buffer.writeUInt8(1, end + 4)
    const bytes = buffer.write(text, end + 5) + 1
    buffer.writeInt32BE(bytes, end)
    end += 4 + bytes
  },
}

const own = new Map(person.columns.map((column) => [column.column, column]))
const commons = new Map(commonColumns.map((column) => [column.column, column]))
const fields = layout.record.map(({ name }) => {
  const column = own.get(name) ?? commons.get(name)
  return { field: column?.field ?? null, write: BINARY[column?.kind ?? 'text'] }
})

const writeRecord = (record: CanonicalRecord, pos: number): void => {
  // The hash is of the text in both forms: the question is only what COPY costs, and its own encoding is counted in both.
  const hash = encode(record).contentHash
  end = buffer.writeInt16BE(fields.length + 6, end)
  for (const { field, write } of fields) {
    const value = field === null ? hash : record[field]
    if (value === null || value === undefined) end = buffer.writeInt32BE(-1, end)
    else write(typeof value === 'object' ? JSON.stringify(value) : value)
  }
  for (let origin = 0; origin < 5; origin++) end = buffer.writeInt32BE(-1, end)
  buffer.writeInt32BE(pos, sized(4))
}

const withoutHash = (records: readonly CanonicalRecord[]): Buffer[] => {
  buffer = Buffer.from(buffer)
  end = buffer.write('PGCOPY\n\xff\r\n\0', 'latin1')
  end = buffer.writeInt32BE(0, end)
  end = buffer.writeInt32BE(0, end)
  for (const [pos, record] of records.entries()) writeRecord(record, pos)
  end = buffer.writeInt16BE(-1, end)
  return [buffer.subarray(0, end)]
}
