// Values as the API writes them to canonical values: texts that PostgreSQL can hold, days and milliseconds since 1970.
// Must hold: what cannot be converted is `undefined`, never a guess; years 0001 to 9999, so that every consumer can hold them.
import { printExactJson } from '../platform/exact-json.ts'

const DAY_MS = 86_400_000
const FIRST_MS = -62_135_596_800_000
const LAST_MS = 253_402_300_799_999

const UNFIT = /[\0\ud800-\udfff]/
const NUL = /\0/g

/** U+0000 and lone surrogates, which PostgreSQL's text and Avro's UTF-8 cannot hold, become a visible U+FFFD. */
export const cleanText = (text: string): string =>
  UNFIT.test(text) ? text.replace(NUL, '\ufffd').replace(LONE_SURROGATE, '\ufffd') : text

const LONE_SURROGATE = /\p{Surrogate}/gu

/** An escaped backslash, or the escape of a character that jsonb cannot hold. JSON.stringify escapes surrogates only when lone. */
const UNFIT_ESCAPE = /\\(?:\\|u0000|ud[89a-f][0-9a-f]{2})/g

/** The value as JSON text that jsonb accepts. Throws RangeError for what is nested too deep. */
export const jsonText = (value: unknown): string =>
  printExactJson(value).replace(UNFIT_ESCAPE, (found) => (found === '\\\\' ? found : '\ufffd'))

/** Days since 1970-01-01 of a day of the proleptic Gregorian calendar; undefined when there is no such day. */
const daysOf = (year: number, month: number, day: number): number | undefined => {
  // Asked this way round, because NaN is what digits that are none give.
  if (!(year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month))) return undefined
  // Years counted from March, so that the leap day is the last of its year.
  const y = month > 2 ? year : year - 1
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1
  return era * 146_097 + yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear - 719_468
}

const daysInMonth = (year: number, month: number): number => {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** `length` ASCII digits of `text` from `at` as a number; NaN when there is another character. */
const digits = (text: string, at: number, length: number): number => {
  let value = 0
  for (let i = at; i < at + length; i++) {
    const digit = text.charCodeAt(i) - 48
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

const isDayAt = (text: string): boolean => text.charCodeAt(4) === 45 && text.charCodeAt(7) === 45

const dayAt = (text: string): number | undefined =>
  isDayAt(text) ? daysOf(digits(text, 0, 4), digits(text, 5, 2), digits(text, 8, 2)) : undefined

/** `YYYY-MM-DD` to days since 1970-01-01. */
export const parseDay = (text: string): number | undefined => (text.length === 10 ? dayAt(text) : undefined)

const PLAIN_INSTANT_LENGTH = 'YYYY-MM-DDTHH:MM:SSZ'.length
const FRACTION_OR_OFFSET = /^.{10}[T ]\d\d:\d\d(?::\d\d(?:\.(\d+))?)?(?:Z|([+-])(\d\d):?(\d\d))$/

/** Milliseconds of the day from the `HH:MM:SS` at 11; a leap second counts as the first of the next minute. */
const timeAt = (text: string, hasSeconds: boolean): number => {
  const [hour, minute, second] = [digits(text, 11, 2), digits(text, 14, 2), hasSeconds ? digits(text, 17, 2) : 0]
  return hour < 24 && minute < 60 && second <= 60 ? ((hour * 60 + minute) * 60 + second) * 1000 : Number.NaN
}

const isPlainInstant = (text: string): boolean =>
  text.length === PLAIN_INSTANT_LENGTH &&
  text.charCodeAt(10) === 84 &&
  text.charCodeAt(13) === 58 &&
  text.charCodeAt(16) === 58 &&
  text.charCodeAt(19) === 90

/** ISO 8601 with `Z` or an offset to ms since 1970; digits beyond the millisecond are cut off. */
export const parseInstant = (text: string): number | undefined => {
  const day = dayAt(text)
  if (day === undefined) return undefined
  if (isPlainInstant(text)) return inRange(day * DAY_MS + timeAt(text, true))
  const match = FRACTION_OR_OFFSET.exec(text)
  if (match === null) return undefined
  const [, fraction = '', sign, offsetHours = '0', offsetMinutes = '0'] = match
  const offsetMs = (Number(offsetHours) * 60 + Number(offsetMinutes)) * 60_000 * (sign === '-' ? -1 : 1)
  const fractionMs = Number(fraction.slice(0, 3).padEnd(3, '0'))
  return inRange(day * DAY_MS + timeAt(text, text.charCodeAt(16) === 58) + fractionMs - offsetMs)
}

const inRange = (ms: number): number | undefined => (ms >= FIRST_MS && ms <= LAST_MS ? ms : undefined)

const INTEGER = /^[+-]?\d{1,10}$/
const DECIMAL = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/

/** A number or its decimal text to a 32-bit integer. */
export const parseInteger = (value: unknown): number | undefined => {
  const number = typeof value === 'string' && INTEGER.test(value) ? Number(value) : value
  return typeof number === 'number' && number === (number | 0) ? number | 0 : undefined
}

/** A number or its decimal text to a finite double. */
export const parseDecimal = (value: unknown): number | undefined => {
  const number = typeof value === 'bigint' || (typeof value === 'string' && DECIMAL.test(value)) ? Number(value) : value
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined
}

const PLAIN_ID = /^[\x21-\x7e]{1,200}$/

/** An id as text; undefined for what identifies nothing or could not be told from another once cleaned. */
export const parseId = (value: unknown): string | undefined => {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : undefined
  if (typeof value !== 'string') return undefined
  return PLAIN_ID.test(value) || isUnusualId(value) ? value : undefined
}

const isUnusualId = (value: string): boolean =>
  value.length > 0 && value.length <= 200 && value.trim() === value && cleanText(value) === value
