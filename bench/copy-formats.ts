// Which form of COPY is cheaper, text or binary: encodes the same person records both ways and copies them into a staging table.
// Usage: npm run build && SYNCLINE_DATABASE_URL=postgres://… node dist/bench/copy-formats.js [records] [rounds]
// Prints one JSON object per form: µs per record of this process and of the whole COPY, and bytes per record.
import { hash, randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { from as copyFrom } from 'pg-copy-streams'
import { createPool, type PoolClient } from '../platform/postgres.ts'
import { createRecordEncoder } from '../sinks/postgres/copy.ts'
import { copyStatement, stagingTable } from '../sinks/postgres/ddl.ts'
import { type Layout, layoutByEntity } from '../sinks/postgres/layout.ts'
import { copyChunks } from '../sinks/postgres/staging.ts'
import { type ColumnKind, canonicalEntity, commonColumns } from '../topics/canonical.ts'
import type { CanonicalRecord, CanonicalValue } from '../topics/canonical-codec.ts'

const person = canonicalEntity('person')
const layoutOf = (entity: string): Layout => {
  const layout = layoutByEntity.get(entity)
  if (layout === undefined) throw new Error(`There is no ${entity}`)
  return layout
}
const layout = layoutOf('person')

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

/** As the sink does it. */
const binaryOf = (records: readonly CanonicalRecord[]): Buffer[] => [
  ...copyChunks(
    layout,
    records.map((record) => ({ encoded: encode(record), page: undefined, index: 0 })),
  ),
]

const NULL = '\\N'
const SPECIAL = /[\0\\\n\r\t\ud800-\udfff]/
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }
const escaped = (text: string): string =>
  SPECIAL.test(text) ? text.replaceAll('\0', '').replace(/[\\\n\r\t]/g, (character) => ESCAPES[character] ?? '') : text

const days = new Map<number, string>()
const dateText = (day: number): string => {
  const known = days.get(day)
  if (known !== undefined) return known
  const text = new Date(day * 86_400_000).toISOString().slice(0, 10)
  days.set(day, text)
  return text
}
const twoDigits = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'))
const timeText = (ms: number): string => {
  const day = Math.floor(ms / 86_400_000)
  const rest = ms - day * 86_400_000
  const seconds = Math.floor(rest / 1_000)
  const minutes = Math.floor(seconds / 60)
  return `${dateText(day)} ${twoDigits[Math.floor(minutes / 60)]}:${twoDigits[minutes % 60]}:${twoDigits[seconds % 60]}.${rest % 1_000}+00`
}

const textField = (kind: ColumnKind, value: CanonicalRecord[string] | undefined): string => {
  if (value === null || value === undefined) return NULL
  if (kind === 'date') return dateText(Number(value))
  if (kind === 'timestamp') return timeText(Number(value))
  return typeof value === 'string' ? escaped(value) : typeof value === 'object' ? JSON.stringify(value) : String(value)
}

const kinds = new Map<string, { field: string | null; kind: ColumnKind }>(
  [...person.columns, ...commonColumns].map((column) => [column.column, column]),
)
const fields = layout.record.flatMap(({ name }) => kinds.get(name) ?? [])

/** The same row as text, the day cached and the hash taken of the text. */
const textRow = (record: CanonicalRecord): string => {
  let row = ''
  for (const { field, kind } of fields)
    row += field === null ? hash('sha1', row).slice(0, 32) : `${textField(kind, record[field])}\t`
  return row
}

const textOf = (records: readonly CanonicalRecord[]): Buffer[] => {
  let text = ''
  for (const [pos, record] of records.entries())
    text += `${textRow(record)}\t${NULL}\t${NULL}\t${NULL}\t${NULL}\t${NULL}\t${pos}\n`
  return [Buffer.from(text)]
}

interface Form {
  readonly name: string
  readonly encode: (records: readonly CanonicalRecord[]) => Buffer[]
  readonly statement: string
}

const binary = copyStatement(layout)
const FORMS: readonly Form[] = [
  { name: 'text', encode: textOf, statement: binary.replace(' (format binary)', '') },
  { name: 'binary', encode: binaryOf, statement: binary },
]

const measure = async (client: PoolClient, form: Form, records: readonly CanonicalRecord[]) => {
  const before = process.cpuUsage()
  const chunks = form.encode(records)
  const { user, system } = process.cpuUsage(before)
  const start = performance.now()
  await client.query('begin')
  await pipeline(Readable.from(chunks), client.query(copyFrom(form.statement)))
  await client.query('rollback')
  const copyUs = (performance.now() - start) * 1_000
  const bytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0)
  return { encodeUs: (user + system) / records.length, copyUs: copyUs / records.length, bytes: bytes / records.length }
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const rounded = (value: number): number => Math.round(value * 100) / 100

const main = async (count: number, rounds: number): Promise<void> => {
  const url = process.env['SYNCLINE_DATABASE_URL']
  if (!url) throw new Error('SYNCLINE_DATABASE_URL names the database to measure with')
  const pool = createPool({ url, max: 1 })
  const client = await pool.connect()
  await client.query(`set temp_buffers = '64MB'; ${stagingTable(layout)}`)
  const records = Array.from({ length: count }, (_, i) => personOf(i))
  const results = new Map(FORMS.map((form) => [form, [] as Awaited<ReturnType<typeof measure>>[]]))
  // In turns, so that whatever else the machine does meets both; the first rounds warm up.
  for (let round = -3; round < rounds; round++)
    for (const [form, measured] of results) {
      const result = await measure(client, form, records)
      if (round >= 0) measured.push(result)
    }
  for (const [{ name }, measured] of results) {
    const of = (key: 'encodeUs' | 'copyUs' | 'bytes') => rounded(median(measured.map((m) => m[key])))
    const line = {
      form: name,
      columns: fields.length,
      records: count,
      encodeUs: of('encodeUs'),
      copyUs: of('copyUs'),
      bytes: of('bytes'),
    }
    process.stdout.write(`${JSON.stringify(line)}\n`)
  }
  client.release()
  await pool.end()
}

await main(Number(process.argv[2] ?? 10_000), Number(process.argv[3] ?? 15))
