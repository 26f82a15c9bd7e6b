// A moment that a person names: a date, a time, or how long ago.
import { InvalidArgumentError } from 'commander'

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
const AGO = /^(\d{1,6})([smhdw])$/
/** A day, or a time with its zone: one without would mean another moment on another machine. */
const ISO = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:\d{2}))?$/

/** `36h`, `7d`, `2026-11-20` (in UTC) or `2026-11-20T08:00Z`, for commander. */
export const parseSince = (text: string, now: number = Date.now()): Date => {
  const [, amount, unit = ''] = AGO.exec(text) ?? []
  const date = amount === undefined ? new Date(ISO.test(text) ? text : '') : new Date(now - Number(amount) * (UNIT_MS[unit] ?? 0))
  if (date.getTime() > now) throw new InvalidArgumentError('It is in the future.')
  if (Number.isFinite(date.getTime())) return date
  throw new InvalidArgumentError('It is how long ago, e.g. 90m, 36h or 7d, or a moment, e.g. 2026-11-20 or 2026-11-20T08:00Z.')
}
