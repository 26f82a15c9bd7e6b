// Windows of the week in which nothing is begun, in the time zone of their schedule. Pure; changes of the clock are the zone's own.
import type { Blackout } from '../ledger/schedules.ts'

/** By the number of the day. */
export const WEEKDAYS: readonly string[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']

const MINUTE_MS = 60_000
const WEEK_MINUTES = 7 * 24 * 60

interface LocalTime {
  readonly day: number
  readonly minute: number
}

const minuteOf = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3))

/** Making one takes longer than using it a hundred times. */
const clocks = new Map<string, Intl.DateTimeFormat>()

const clockOf = (timeZone: string): Intl.DateTimeFormat => {
  const known = clocks.get(timeZone)
  if (known !== undefined) return known
  const clock = new Intl.DateTimeFormat('en-US', {
    timeZone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  clocks.set(timeZone, clock)
  return clock
}

const localTime = (at: Date, timeZone: string): LocalTime => {
  const parts = new Map(
    clockOf(timeZone)
      .formatToParts(at)
      .map(({ type, value }) => [type, value]),
  )
  const day = WEEKDAYS.indexOf(parts.get('weekday')?.toLowerCase() ?? '')
  return { day, minute: Number(parts.get('hour')) * 60 + Number(parts.get('minute')) }
}

const covers = ({ days, from, to }: Blackout, { day, minute }: LocalTime): boolean => {
  const [begins, ends] = [minuteOf(from), minuteOf(to)]
  if (begins < ends) return days.includes(day) && minute >= begins && minute < ends
  return (days.includes(day) && minute >= begins) || (days.includes((day + 6) % 7) && minute < ends)
}

export const isBlackout = (blackouts: readonly Blackout[], at: Date, timeZone: string): boolean =>
  blackouts.length > 0 && blackouts.some((blackout) => covers(blackout, localTime(at, timeZone)))

/** The first whole minute after `at` outside of all windows; undefined when they cover the week. */
export const endOfBlackout = (blackouts: readonly Blackout[], at: Date, timeZone: string): Date | undefined => {
  const first = Math.floor(at.getTime() / MINUTE_MS) * MINUTE_MS
  for (let minute = 1; minute <= WEEK_MINUTES; minute++) {
    const then = new Date(first + minute * MINUTE_MS)
    if (!isBlackout(blackouts, then, timeZone)) return then
  }
  return undefined
}

export const coversTheWeek = (blackouts: readonly Blackout[]): boolean => {
  for (let minute = 0; minute < WEEK_MINUTES; minute++) {
    const time = { day: Math.floor(minute / 1440), minute: minute % 1440 }
    if (!blackouts.some((blackout) => covers(blackout, time))) return false
  }
  return true
}
