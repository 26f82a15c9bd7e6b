// When a schedule is due next, and what becomes of a due time: goes in the schedule and PostgreSQL's time, come out times and decisions.
// Pure; jitter is drawn from the number passed in.
import { Cron } from 'croner'
import type { DueSchedule, DueTime, ScheduleRule } from '../ledger/schedules.ts'
import { STRATEGIES, type Strategy } from '../manifests/strategy.ts'
import { SynclineError } from '../platform/errors.ts'
import { endOfBlackout, isBlackout } from './blackout.ts'

/** From 0 to below 1. */
export type Random = () => number

/** A change of leader, or a restart of the services, makes nothing late. */
export const LATE_MS = 120_000
/** How soon what waits for another run is looked at again. */
const AGAIN_MS = 15_000

type Timing = Pick<ScheduleRule, 'cron' | 'everySeconds' | 'timeZone' | 'jitterSeconds'>

/** Five fields, or six with seconds. Throws SynclineError('usage') for what is no cron expression, or never comes. */
const cronOf = (expression: string, timeZone: string): Cron => {
  try {
    return new Cron(expression, { timezone: timeZone, paused: true })
  } catch (cause) {
    throw new SynclineError('usage', `'${expression}' is not a cron expression.`, {
      cause,
      remedy: "Give minute, hour, day, month and weekday, e.g. '0 3 * * *' for every night at three.",
    })
  }
}

/** The next time by the rule after `after`, which was due itself or is when the rule was made. */
const nextByRule = ({ cron, everySeconds, timeZone }: Timing, dueAt: Date, after: Date): Date => {
  if (cron !== null) {
    const next = cronOf(cron, timeZone).nextRun(new Date(Math.max(dueAt.getTime(), after.getTime())))
    if (next !== null) return next
    throw new SynclineError('usage', `The cron expression '${cron}' names no time that will come.`, {
      remedy: 'Check its day and month.',
    })
  }
  const everyMs = (everySeconds ?? 0) * 1_000
  const passed = Math.max(0, Math.floor((after.getTime() - dueAt.getTime()) / everyMs))
  return new Date(dueAt.getTime() + (passed + 1) * everyMs)
}

/** The first due time after `after` of a rule whose last one was `dueAt`; without that, the rule begins at `after`. */
export const nextDue = (timing: Timing, after: Date, random: Random, dueAt: Date = after): DueTime => {
  const next = nextByRule(timing, dueAt, after)
  return { dueAt: next, firesAt: new Date(next.getTime() + Math.floor(random() * timing.jitterSeconds * 1_000)) }
}

export type DueDecision =
  | { readonly kind: 'fire'; readonly strategy: Strategy; readonly next: DueTime }
  | { readonly kind: 'skip'; readonly reason: string; readonly next: DueTime }
  | { readonly kind: 'hold'; readonly reason: string; readonly until: Date }

/** Why it cannot run now, and when that may be over; undefined: it can. */
const hindrance = ({ blackouts, timeZone, busyRunId, now }: DueSchedule) => {
  if (isBlackout(blackouts, now, timeZone)) {
    return { reason: 'it is in a blackout window', until: endOfBlackout(blackouts, now, timeZone) }
  }
  if (busyRunId !== null) {
    return { reason: `the run ${busyRunId} has not ended`, until: new Date(now.getTime() + AGAIN_MS) }
  }
  return undefined
}

/** What becomes of a due time now. Policy `once` puts it off and makes up for it; `skip` leaves it out, also when it comes late. */
export const decideDue = (schedule: DueSchedule, random: Random): DueDecision => {
  const { now, firesAt, dueAt, strategy, missed } = schedule
  const next = nextDue(schedule, now, random, dueAt)
  if (!STRATEGIES.includes(strategy)) return { kind: 'skip', reason: `this version has no strategy ${strategy}`, next }
  const found = hindrance(schedule)
  if (found !== undefined) {
    return missed === 'once' && found.until !== undefined
      ? { kind: 'hold', reason: found.reason, until: found.until }
      : { kind: 'skip', reason: found.reason, next }
  }
  const lateMs = now.getTime() - firesAt.getTime()
  if (missed === 'skip' && lateMs > LATE_MS) {
    return { kind: 'skip', reason: `it comes ${Math.round(lateMs / 1_000)} s late`, next }
  }
  return { kind: 'fire', strategy, next }
}
