// Days and milliseconds since 1970 as PostgreSQL reads them. Pure; days are remembered, since most records share a few.

const DAY_MS = 86_400_000
const MAX_DAY = 100_000_000
const REMEMBERED_DAYS = 50_000

const days = new Map<number, string>()
const twoDigits = Array.from({ length: 60 }, (_, n) => String(n).padStart(2, '0'))

/** ISO writes years beyond 9999 with a sign, and those before 1 as 0 or negative; PostgreSQL has neither. */
const spelled = (day: number): string => {
  if (!(Math.abs(day) <= MAX_DAY)) throw new RangeError('the date is beyond what a date can be')
  const [whole = ''] = new Date(day * DAY_MS).toISOString().split('T')
  const sign = whole.startsWith('-') ? -1 : 1
  const [year = '', month, dayOfMonth] = whole.replace(/^[+-]/, '').split('-')
  const number = sign * Number(year)
  return number > 0
    ? `${String(number).padStart(4, '0')}-${month}-${dayOfMonth}`
    : `${String(1 - number).padStart(4, '0')}-${month}-${dayOfMonth} BC`
}

/** Throws RangeError for what no calendar of ours has. */
export const dateText = (day: number): string => {
  const known = days.get(day)
  if (known !== undefined) return known
  if (days.size >= REMEMBERED_DAYS) days.clear()
  const text = spelled(day)
  days.set(day, text)
  return text
}

/** UTC, to the millisecond. Throws RangeError for what no calendar of ours has. */
export const timestampText = (ms: number): string => {
  const day = Math.floor(ms / DAY_MS)
  const date = dateText(day)
  const rest = ms - day * DAY_MS
  const seconds = Math.floor(rest / 1000)
  const minutes = Math.floor(seconds / 60)
  const time = `${twoDigits[Math.floor(minutes / 60)]}:${twoDigits[minutes % 60]}:${twoDigits[seconds % 60]}.${String(rest % 1000).padStart(3, '0')}+00`
  return date.endsWith(' BC') ? `${date.slice(0, -3)} ${time} BC` : `${date} ${time}`
}
