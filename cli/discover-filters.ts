// Whether an API honours a filter: what to ask, by the values that records show, and what the answer shows. Pure. An API that does not
// know a filter answers with the whole list, and 200: a record that should not be there is what tells.
import type { SourceRecord } from '../manifests/manifest.ts'
import { parseInstant } from '../manifests/values.ts'
import { type Kind, kindOf, sameRecords, untold, type Verdict, valueIn, valuesIn } from './discover-values.ts'

type Expected =
  /** Times at or after `from`, and before `to`. */
  | { readonly kind: 'range'; readonly from: string; readonly to: string | null; readonly isThere: boolean }
  | { readonly kind: 'equal'; readonly of: Kind; readonly value: string; readonly isThere: boolean }
  /** Records do not show what is filtered by: none is to come. */
  | { readonly kind: 'nothing' }

export interface FilterQuestion {
  readonly where: Readonly<Record<string, string>>
  readonly expected: Expected
}

export interface Answered {
  readonly records: readonly SourceRecord[]
  readonly total: number | null
}

/** No record has it; it has no digit, because what looks for a number passes over all else. */
const NONSENSE = 'zqxj-no-such-value'
const FAR_TIME = '2999-01-01T00:00:00Z'
const FAR_DAY = '2999-01-01'
const FAR_NUMBER = '1999999973'

/** A question that only some of the records answer to; or why none can be asked. */
export const filterQuestion = (name: string, records: readonly SourceRecord[]): FilterQuestion | Verdict => {
  if (records.length === 0) return untold('there are no records')
  const values = valuesIn(records, name)
  if (values.every((value) => value === undefined)) return { where: { [name]: NONSENSE }, expected: { kind: 'nothing' } }
  const kind = kindOf(values)
  if (kind === null) return untold('no record seen has a value')
  if (kind === 'other') return untold('its values cannot be compared')
  return kind === 'instant' ? rangeQuestion(name, values) : equalQuestion(name, kind, values)
}

const textsOf = (values: readonly unknown[]): readonly string[] =>
  values.flatMap((value) => (value == null ? [] : [String(value)]))

const rangeQuestion = (name: string, values: readonly unknown[]): FilterQuestion => {
  const times = [...new Set(textsOf(values))].toSorted((a, b) => timeOf(a) - timeOf(b))
  const [, from = FAR_TIME] = times
  const to = times.length > 2 ? (times.at(-1) ?? null) : null
  return {
    where: { [`${name}[gte]`]: from, ...(to === null ? {} : { [`${name}[lt]`]: to }) },
    expected: { kind: 'range', from, to, isThere: times.length > 1 },
  }
}

const timeOf = (value: unknown): number => parseInstant(String(value)) ?? Number.NaN

/** The value of the fewest, so that most would have to go; commas may separate values, and a long text may be cut. */
const equalQuestion = (name: string, kind: Kind, values: readonly unknown[]): FilterQuestion => {
  const same = new Map<string, readonly string[]>()
  const texts = textsOf(values)
  for (const text of texts) same.set(sameness(kind, text), [...(same.get(sameness(kind, text)) ?? []), text])
  const usable = [...same.values()].filter(([value = '']) => folded(value) !== '' && !value.includes(',') && value.length <= 100)
  const [rarest = []] = usable.toSorted((a, b) => a.length - b.length)
  const isThere = rarest.length > 0 && rarest.length < values.length
  const value = isThere ? (rarest[0] ?? '') : strangerTo(kind, texts[0] ?? '')
  return { where: { [name]: value }, expected: { kind: 'equal', of: kind, value, isThere } }
}

/** What none of the records seen has, where all have the same. */
const strangerTo = (kind: Kind, value: string): string => {
  if (kind === 'boolean') return value === 'true' ? 'false' : 'true'
  if (kind === 'number') return FAR_NUMBER
  return kind === 'day' ? FAR_DAY : NONSENSE
}

/** Letters and digits: APIs may compare without case, and numbers of telephones without blanks. */
const folded = (value: string): string => value.toLowerCase().replaceAll(/[^\p{L}\p{N}]/gu, '')

/** What an API may take for the same value. */
const sameness = (kind: Kind, value: string): string => (kind === 'text' ? folded(value) : value)

const belongs = (value: unknown, expected: Expected): boolean => {
  if (expected.kind === 'nothing' || value === null || value === undefined) return false
  if (expected.kind === 'range') {
    return timeOf(value) >= timeOf(expected.from) && (expected.to === null || timeOf(value) < timeOf(expected.to))
  }
  return sameness(expected.of, String(value)) === sameness(expected.of, expected.value)
}

/** `whole`: the list without the filter. */
export const judgeFilter = (name: string, { expected }: FilterQuestion, answer: Answered, whole: Answered): Verdict => {
  const isSomeThere = expected.kind !== 'nothing' && expected.isThere
  if (answer.records.every((record) => belongs(valueIn(record, name), expected))) {
    if (answer.records.length > 0) return { is: 'honoured', by: 'values' }
    return isSomeThere
      ? { is: 'disobeyed', why: 'it finds nothing, though a record has the value' }
      : { is: 'honoured', by: 'effect' }
  }
  const isWhole = sameRecords(answer.records, whole.records) || (answer.total !== null && answer.total === whole.total)
  if (!isWhole) return { is: 'disobeyed', why: 'records come that it should leave out' }
  const isStranger = expected.kind === 'nothing' || (expected.kind === 'equal' && expected.of === 'text' && !expected.isThere)
  return isStranger ? untold('a value that no record has changes nothing: it may take values of its own only') : { is: 'ignored' }
}
