// The values that records show of a name that lists are ordered or filtered by: goes in records, come out values, their kind, and how
// values of that kind compare. Pure.
import type { SourceRecord } from '../manifests/manifest.ts'
import { parseDay, parseInstant } from '../manifests/values.ts'

/** What asking for an order or a filter has shown. Only what was seen to be obeyed counts as honoured. */
export type Verdict =
  /** `effect`: the values are not shown, but the answer changed as it had to. */
  | { readonly is: 'honoured'; readonly by: 'values' | 'effect' }
  | { readonly is: 'ignored' }
  | { readonly is: 'disobeyed' | 'refused' | 'untold'; readonly why: string }

export const untold = (why: string): Verdict => ({ is: 'untold', why })

export type Kind = 'boolean' | 'number' | 'instant' | 'day' | 'text' | 'other'

/** An attribute, the id, or the id that a relationship points to; undefined: the record does not show it. */
export const valueIn = ({ attributes, externalId, related }: SourceRecord, name: string): unknown => {
  if (attributes !== null && Object.hasOwn(attributes, name)) return attributes[name]
  if (name === 'id') return externalId
  return name.endsWith('_id') ? related[name.slice(0, -3)] : undefined
}

export const valuesIn = (records: readonly SourceRecord[], name: string): readonly unknown[] =>
  records.map((record) => valueIn(record, name))

const isNothing = (value: unknown): boolean => value === null || value === undefined

const isText = (value: unknown): value is string => typeof value === 'string'

/** Of values that are not null; null: there are none. */
export const kindOf = (values: readonly unknown[]): Kind | null => {
  const some = values.filter((value) => !isNothing(value))
  if (some.length === 0) return null
  if (some.every((value) => typeof value === 'boolean')) return 'boolean'
  if (some.every((value) => typeof value === 'number' || typeof value === 'bigint')) return 'number'
  // Ids may come as numbers here and as text there.
  if (!some.every(isText)) return some.every((value) => typeof value !== 'object') ? 'text' : 'other'
  if (some.every((text) => parseDay(text) !== undefined)) return 'day'
  return some.every((text) => parseInstant(text) !== undefined) ? 'instant' : 'text'
}

export type Compare = (a: unknown, b: unknown) => number

const byCode: Compare = (a, b) => (String(a) < String(b) ? -1 : String(a) > String(b) ? 1 : 0)

const byCollation = (options: Intl.CollatorOptions): Compare => {
  const { compare } = new Intl.Collator('en', options)
  return (a, b) => compare(String(a), String(b))
}

/** Nobody says by which rules an API orders text: these are the usual ones. */
const BY_TEXT: readonly Compare[] = [
  byCode,
  (a, b) => byCode(String(a).toLowerCase(), String(b).toLowerCase()),
  byCollation({}),
  byCollation({ ignorePunctuation: true }),
  byCollation({ numeric: true }),
]

const byTime: Compare = (a, b) => (parseInstant(String(a)) ?? 0) - (parseInstant(String(b)) ?? 0)

/** The ways in which values of a kind may be ordered; none: nobody knows. */
export const comparesOf = (kind: Kind | null): readonly Compare[] => {
  if (kind === 'text') return BY_TEXT
  if (kind === 'instant') return [byTime]
  if (kind === 'day') return [byCode]
  return kind === 'other' ? [] : [(a, b) => Number(a) - Number(b)]
}

/** Records without a value may come first or last, but together. */
export const isRising = (values: readonly unknown[], compare: Compare): boolean => {
  const first = values.findIndex((value) => !isNothing(value))
  const last = values.findLastIndex((value) => !isNothing(value))
  if (first > 0 && last < values.length - 1) return false
  const some = first === -1 ? [] : values.slice(first, last + 1)
  return some.every((value, i) => !isNothing(value) && (i === 0 || compare(some[i - 1], value) <= 0))
}

/** Whether an order could tell none of them from another. */
export const isAllOne = (values: readonly unknown[], compares: readonly Compare[]): boolean => {
  const [first] = values
  if (isNothing(first)) return values.every(isNothing)
  return compares.some((compare) => values.every((value) => !isNothing(value) && compare(first, value) === 0))
}

export const sameRecords = (a: readonly SourceRecord[], b: readonly SourceRecord[]): boolean =>
  a.length === b.length && a.every(({ externalId }, i) => externalId === b[i]?.externalId)
