// What the vendor's headers said goes in; numbers that the limiter's script may obey come out. Headers are input: a limit of
// zero, a negative time or a Retry-After of years must neither stop a credential for ever nor open it.
import type { RateObservation } from '../../adapters/core/adapter.ts'

/** Above it a limit limits nothing; it also bounds what one header can make the script do. */
const MOST_REQUESTS = 100_000
const DAY_MS = 86_400_000

/** The script's arguments: answered, limit, period, count, retry after; '' where nothing usable was said. */
export const observationArgs = (observation: RateObservation | null): (string | number)[] => [
  observation === null ? 0 : 1,
  bounded(observation?.limit, 1, MOST_REQUESTS, Math.floor),
  bounded(observation?.periodMs, 1, DAY_MS, Math.ceil),
  bounded(observation?.count, 0, MOST_REQUESTS, Math.ceil),
  bounded(observation?.retryAfterMs, 0, DAY_MS, Math.ceil),
]

const bounded = (value: number | undefined, least: number, most: number, round: (value: number) => number): number | '' =>
  value === undefined || !(value >= least) ? '' : round(Math.min(value, most))
