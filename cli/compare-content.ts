// One record at the API against its row: both in canonical form go in, a verdict with the columns that differ comes out. Pure.
import type { CanonicalColumn } from '../topics/canonical.ts'
import type { CanonicalRecord } from '../topics/canonical-codec.ts'
import { isSame, valuesOfRecord } from './compare.ts'

/** What a source says of one record: values by column, custom fields each by its name. */
export interface Content {
  readonly id: string
  readonly externalId: string
  /** ms since 1970; null where the source does not say. */
  readonly sourceUpdatedAt: number | null
  readonly values: ReadonlyMap<string, unknown>
}

/**
 * newer-there: the source changed or made it after what was synced; not an error. differs: content differs though the source's time
 * does not say why. unmapped: the API's record cannot be made a canonical one.
 */
export type Verdict = 'equal' | 'newer-there' | 'differs' | 'only-here' | 'only-there' | 'unmapped'

export interface ColumnDifference {
  readonly column: string
  readonly here: unknown
  readonly there: unknown
}

export interface Judged {
  readonly verdict: Verdict
  readonly columns: readonly ColumnDifference[]
}

/** `values` as compare.ts has them: the columns, source_updated_at, custom fields, id. */
export const contentOf = (externalId: string, columns: readonly CanonicalColumn[], values: readonly unknown[]): Content => {
  const n = columns.length
  const [sourceUpdatedAt, custom, id] = [values[n], values[n + 1], values[n + 2]]
  const named = new Map(columns.map(({ column }, i): [string, unknown] => [column, values[i]]))
  for (const [name, value] of Object.entries(typeof custom === 'object' && custom !== null ? custom : {})) {
    named.set(`custom_fields.${name}`, value)
  }
  named.set('source_updated_at', sourceUpdatedAt)
  return {
    id: String(id),
    externalId,
    sourceUpdatedAt: typeof sourceUpdatedAt === 'number' ? sourceUpdatedAt : null,
    values: named,
  }
}

export const contentOfRecord = (record: CanonicalRecord, columns: readonly CanonicalColumn[]): Content =>
  contentOf(record.externalId, columns, valuesOfRecord(record, columns))

const differences = (here: Content, there: Content): readonly ColumnDifference[] =>
  [...new Set([...here.values.keys(), ...there.values.keys()])].flatMap((column) => {
    const [ours, theirs] = [here.values.get(column) ?? null, there.values.get(column) ?? null]
    return isSame(ours, theirs) ? [] : [{ column, here: ours, there: theirs }]
  })

/**
 * `syncedAt`: when the last sync of the entity began, in ms since 1970; null: there was none, so that whatever the table lacks is
 * not synced yet. At least one of both must be there.
 */
export const judge = (here: Content | undefined, there: Content | undefined, syncedAt: number | null): Judged => {
  if (here !== undefined && there !== undefined) return judgeBoth(here, there)
  if (there === undefined) return { verdict: 'only-here', columns: [] }
  const isNew = syncedAt === null || (there.sourceUpdatedAt !== null && there.sourceUpdatedAt >= syncedAt)
  return { verdict: isNew ? 'newer-there' : 'only-there', columns: [] }
}

const judgeBoth = (here: Content, there: Content): Judged => {
  const columns = differences(here, there)
  if (columns.length === 0) return { verdict: 'equal', columns }
  // A row without a time of the source is older than a record with one.
  const isNewer = there.sourceUpdatedAt !== null && there.sourceUpdatedAt > (here.sourceUpdatedAt ?? Number.NEGATIVE_INFINITY)
  return { verdict: isNewer ? 'newer-there' : 'differs', columns }
}
