// The channels on which PostgreSQL tells of what somebody waits for (platform/signals.ts). Triggers send on most (migration 0014), when
// what they tell of is committed.
import type { Queryable } from '../platform/postgres.ts'

export const CHANNELS = {
  /** A run was asked for, or its state has changed; says its id. */
  runs: 'syncline_runs',
  /** A run can go on: a range or a sweep has ended, or a few records have landed. */
  progress: 'syncline_progress',
  /** A schedule has another time, or its source fares otherwise. */
  schedules: 'syncline_schedules',
  /** Operators are to be told something. */
  notifications: 'syncline_notifications',
  /** A record is to be asked for by its id. */
  asks: 'syncline_asks',
  /** A sweep of parked rows is asked for. */
  sweeps: 'syncline_sweeps',
} as const

/** To be called in the transaction that brings the progress. */
export const signalProgress = async (client: Queryable): Promise<void> => {
  await client.query(`select pg_notify('${CHANNELS.progress}', '')`)
}
