// Tables against what they should hold, row by row: expected canonical records go in, the differences come out.
import { createHash } from 'node:crypto'
import type { Manifest } from '../manifests/manifest.ts'
import { mapRecord } from '../manifests/map.ts'
import { split } from '../manifests/split.ts'
import { parseExactJson, printExactJson } from '../platform/exact-json.ts'
import type { Pool } from '../platform/postgres.ts'
import { type CanonicalColumn, canonicalEntity } from '../topics/canonical.ts'
import type { CanonicalRecord } from '../topics/canonical-codec.ts'

export interface Difference {
  readonly entity: string
  readonly expected: number
  readonly found: number
  /** External ids, at most ten of each. */
  readonly missing: readonly string[]
  readonly extra: readonly string[]
  readonly different: readonly string[]
}

export const isEqual = (d: Difference): boolean => d.missing.length + d.extra.length + d.different.length === 0

export interface Owner {
  readonly orgId: string
  readonly source: string
}

const MAX_NAMED = 10
const ROWS_PER_READ = 10_000

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => [key, sorted(inner)]),
  )
}

const fingerprint = (values: readonly unknown[]): string =>
  createHash('sha1')
    .update(printExactJson(sorted(values)))
    .digest('base64')

const parsed = (text: unknown): unknown => (typeof text === 'string' ? parseExactJson(text) : null)

/** What is compared of a row: the entity's columns, then source_updated_at, custom_fields and id, in the form of the record. */
export const selected = (columns: readonly CanonicalColumn[]): string => {
  const read = columns.map(({ column, kind }) => {
    if (kind === 'date') return `"${column}" - date '1970-01-01'`
    if (kind === 'timestamp') return `(extract(epoch from "${column}") * 1000)::bigint`
    return kind === 'json' ? `"${column}"::text` : `"${column}"`
  })
  return [...read, '(extract(epoch from source_updated_at) * 1000)::bigint', 'custom_fields::text', 'id::text'].join(', ')
}

export const valuesOfRecord = (record: CanonicalRecord, columns: readonly CanonicalColumn[]): readonly unknown[] => {
  const own = columns.map(({ field, kind }) => (kind === 'json' ? parsed(record[field]) : (record[field] ?? null)))
  const custom = Object.fromEntries(Object.entries(record.customFields).map(([name, text]) => [name, parseExactJson(text)]))
  return [...own, record.sourceUpdatedAt, custom, record.id]
}

/** `row` as `selected` reads it. */
export const valuesOfRow = (row: readonly unknown[], columns: readonly CanonicalColumn[]): readonly unknown[] => {
  const own = columns.map(({ kind }, i) => (kind === 'json' ? parsed(row[i]) : row[i]))
  const n = columns.length
  return [...own, row[n], parsed(row[n + 1]), row[n + 2]]
}

/** Equal for a record and for the row that it should become. */
export const fingerprintOf = (entity: string, record: CanonicalRecord): string =>
  fingerprint(valuesOfRecord(record, canonicalEntity(entity).columns))

const fingerprintOfRow = (row: readonly unknown[], columns: readonly CanonicalColumn[]): string =>
  fingerprint(valuesOfRow(row, columns))

/** Equal but for the order of keys. */
export const isSame = (a: unknown, b: unknown): boolean => printExactJson(sorted(a)) === printExactJson(sorted(b))

/** API records of an entity, e.g. a simulator's model, as the canonical records they should become. */
export function* canonicalOf(
  manifest: Manifest,
  entity: string,
  owner: Owner,
  rows: Iterable<unknown>,
): Iterable<CanonicalRecord> {
  const definition = manifest.get(entity)
  for (const row of rows) {
    const [record] = split(manifest, entity, [], { data: [row] }).get(entity) ?? []
    const mapped = record && mapRecord(definition, record, { ...owner, observedAt: 0 })
    if (mapped?.ok) yield mapped.record
  }
}

export interface TableRow {
  readonly externalId: string
  /** Equal to that of the record that it came from. */
  readonly fingerprint: string
  /** ms since 1970. */
  readonly observedAt: number
}

/** Live rows of one entity of one connection. */
export async function* tableRows(pool: Pool, { orgId, source }: Owner, entity: string): AsyncGenerator<TableRow> {
  const { table, columns } = canonicalEntity(entity)
  for (let after = '00000000-0000-0000-0000-000000000000'; ; ) {
    // rowMode array: positions, because a column may be called as anything.
    const { rows } = await pool.query<unknown[]>({
      rowMode: 'array',
      text: `select ${selected(columns)}, (extract(epoch from observed_at) * 1000)::float8, external_id from canonical.${table}
        where org_id = $1 and source = $2 and deleted_at is null and id > $3 order by id limit ${ROWS_PER_READ}`,
      values: [orgId, source, after],
    })
    for (const row of rows) {
      yield { externalId: String(row.at(-1)), observedAt: Number(row.at(-2)), fingerprint: fingerprintOfRow(row, columns) }
    }
    if (rows.length < ROWS_PER_READ) return
    after = String(rows.at(-1)?.at(-3))
  }
}

/** Live rows of one entity of one connection against the expected records. */
export const compareTable = async (
  pool: Pool,
  owner: Owner,
  entity: string,
  expectedRecords: Iterable<CanonicalRecord>,
): Promise<Difference> => {
  const expected = new Map<string, string>()
  for (const record of expectedRecords) expected.set(record.externalId, fingerprintOf(entity, record))
  const total = expected.size
  const [extra, different]: [string[], string[]] = [[], []]
  let found = 0
  for await (const { externalId, fingerprint } of tableRows(pool, owner, entity)) {
    const want = expected.get(externalId)
    expected.delete(externalId)
    if (want === undefined) extra.push(externalId)
    else if (want !== fingerprint) different.push(externalId)
    found++
  }
  const named = (ids: Iterable<string>) => [...ids].slice(0, MAX_NAMED)
  return { entity, expected: total, found, missing: named(expected.keys()), extra: named(extra), different: named(different) }
}
