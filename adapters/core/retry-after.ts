// RFC 9110 10.2.3: Retry-After is a number of seconds or a date. What comes out can be waited for.

/** Above it a vendor's wish is an error of its own: a walk asks again every quarter of an hour at the latest. */
const MAX_RETRY_AFTER_MS = 15 * 60_000

/**
 * Milliseconds from now, between 0 and the cap; undefined when the header is missing or says nothing. A date is measured against
 * the answer's own Date, because the vendor's clock and ours need not agree.
 */
export const parseRetryAfter = (
  value: string | null | undefined,
  date: string | null | undefined,
  now: number,
): number | undefined => {
  if (value === null || value === undefined || value.trim() === '') return undefined
  const seconds = Number(value)
  const ms = Number.isNaN(seconds) ? Date.parse(value) - serverTime(date, now) : seconds * 1000
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(0, Math.ceil(ms)), MAX_RETRY_AFTER_MS)
}

const serverTime = (date: string | null | undefined, now: number): number => {
  const at = date ? Date.parse(date) : Number.NaN
  return Number.isNaN(at) ? now : at
}
