// What a schedule may say: goes in what a person or a file says, comes out a rule that can fire. Throws SynclineError('usage') otherwise.
import { z } from 'zod'
import { adapterByName } from '../adapters/index.ts'
import type { Blackout, ScheduleRule } from '../ledger/schedules.ts'
import { STRATEGIES } from '../manifests/strategy.ts'
import { coversTheWeek, WEEKDAYS } from '../orchestrator/blackout.ts'
import { SynclineError } from '../platform/errors.ts'
import { parseStrategy } from './choose.ts'
import { count } from './words.ts'

const LEAST_SECONDS = 10
const MOST_SECONDS = 366 * 86_400

const clockSchema = z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'must be HH:MM')
const blackoutSchema = z.strictObject({
  days: z.array(z.int().min(0).max(6)).min(1).max(7),
  from: clockSchema,
  to: clockSchema,
})

/** The rule as data, but for whose it is; whether its names exist is another question (checkRule). */
export const ruleSchema = z.strictObject({
  name: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must have lower-case letters, digits and dashes'),
  source: z.string().min(1),
  strategy: z.enum(STRATEGIES),
  selection: z.array(z.string()).min(1).nullable(),
  cron: z.string().nullable(),
  everySeconds: z.int().min(LEAST_SECONDS).max(MOST_SECONDS).nullable(),
  timeZone: z.string(),
  jitterSeconds: z.int().min(0).max(86_400),
  missed: z.enum(['skip', 'once']),
  blackouts: z.array(blackoutSchema).max(50),
})

const wrong = (message: string, remedy: string): SynclineError => new SynclineError('usage', message, { remedy })

const isTimeZone = (name: string): boolean => {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name }).resolvedOptions().timeZone !== ''
  } catch {
    return false
  }
}

const checkTiming = ({ cron, everySeconds, jitterSeconds, timeZone, blackouts }: ScheduleRule): void => {
  if ((cron === null) === (everySeconds === null)) {
    throw wrong('A schedule has either an interval or a cron expression.', "Give --every 10m, or --cron '0 3 * * *'.")
  }
  if (everySeconds !== null && jitterSeconds >= everySeconds) {
    throw wrong('The jitter must be shorter than the interval.', 'Give less with --jitter.')
  }
  if (!isTimeZone(timeZone)) throw wrong(`There is no time zone '${timeZone}'.`, 'Give it as Europe/Berlin, or UTC.')
  if (coversTheWeek(blackouts)) throw wrong('The blackout windows leave no time to run at.', 'Leave out one of them.')
}

/** The strategy exists, the entities do, and there is a time to run at; whether the cron expression is one is told when it is reckoned with. */
export const checkRule = (rule: ScheduleRule, adapter: string): ScheduleRule => {
  parseStrategy(rule.strategy)
  const { manifest } = adapterByName(adapter)
  for (const entity of rule.selection ?? []) manifest.get(entity)
  checkTiming(rule)
  return rule
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** `90s`, `10m`, `6h`, `1d`, as seconds. */
export const parseSeconds = (text: string): number => {
  const [, amount, unit = ''] = /^(\d{1,6})([smhd])$/.exec(text) ?? []
  const seconds = Number(amount) * (UNIT_SECONDS[unit] ?? Number.NaN)
  if (seconds <= MOST_SECONDS) return seconds
  throw wrong(`'${text}' is not a span of time.`, 'Give it as 90s, 10m, 6h or 1d; at most 366d.')
}

const dayOf = (name: string): number => WEEKDAYS.indexOf(name.toLowerCase())

/** `sun`, `mon-fri`, `sat,sun`; every day without it. */
const parseDays = (text: string | undefined): number[] => {
  if (text === undefined) return WEEKDAYS.map((_, day) => day)
  return text.split(',').flatMap((part) => {
    const [first = '', last = first] = part.split('-')
    const [from, to] = [dayOf(first), dayOf(last)]
    if (from < 0 || to < 0) return [-1]
    return Array.from({ length: ((to - from + 7) % 7) + 1 }, (_, n) => (from + n) % 7)
  })
}

/** `sun 08:00-12:00`, `mon-fri 22:00-06:00`, `02:00-03:00`. */
export const parseBlackout = (text: string): Blackout => {
  const [, days, from, to] = /^(?:([a-z,-]+)\s+)?(\d{2}:\d{2})-(\d{2}:\d{2})$/i.exec(text.trim()) ?? []
  const parsed = blackoutSchema.safeParse({ days: [...new Set(parseDays(days))].sort(), from, to })
  if (parsed.success) return parsed.data
  throw wrong(`'${text}' is not a window of the week.`, "Give it as 'sun 08:00-12:00', 'mon-fri 22:00-06:00' or '02:00-03:00'.")
}

const spanText = (seconds: number): string => {
  const [unit = 's', size = 1] =
    Object.entries(UNIT_SECONDS)
      .reverse()
      .find(([, size]) => seconds % size === 0) ?? []
  return `${seconds / size}${unit}`
}

/** `every 10m`, or the cron expression, with what else there is to know of its times. */
export const timingText = ({ cron, everySeconds, timeZone, jitterSeconds, blackouts }: ScheduleRule): string =>
  [
    cron ?? `every ${spanText(everySeconds ?? 0)}`,
    ...(cron !== null && timeZone !== 'UTC' ? [timeZone] : []),
    ...(jitterSeconds > 0 ? [`jitter ${spanText(jitterSeconds)}`] : []),
    ...(blackouts.length > 0 ? [count(blackouts.length, 'blackout')] : []),
  ].join(', ')
