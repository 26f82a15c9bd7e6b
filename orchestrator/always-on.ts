// What keeps organisations in step by itself, as tasks of the leader: schedules fire, failing sources are paused, operators are told.
import { forgetNotifications } from '../ledger/notifications.ts'
import { removeOldLetters, removeOldRuns } from '../ledger/retention.ts'
import { nextDueMs } from '../ledger/schedules.ts'
import { CHANNELS } from '../ledger/signals.ts'
import { pauseFailingSources } from '../ledger/source-health.ts'
import type { Manifest } from '../manifests/manifest.ts'
import type { Logger } from '../platform/logger.ts'
import type { Pool } from '../platform/postgres.ts'
import { QUIET_MS, type Signals } from '../platform/signals.ts'
import type { SideTask } from './beside.ts'
import { sendNotifications } from './notify.ts'
import { fireDueSchedules } from './schedules.ts'

export interface AlwaysOnDeps {
  readonly pool: Pool
  readonly manifestOf: (adapter: string) => Manifest
  readonly log: Logger
  readonly signals: Pick<Signals, 'news'>
  readonly signal: AbortSignal
  /** Runs of a source that fail in a row before it is paused; 0: never. */
  readonly maxFailures: number
  /** 0: for good. */
  readonly keepRunsDays: number
  readonly notifyUrl?: string | undefined
}

const SCHEDULES_MS = 1_000
const NOTIFICATIONS_MS = 3_000
const FORGET_MS = 3_600_000
const RUNS_AT_ONCE = 500
const LETTERS_AT_ONCE = 5_000

export const alwaysOnTasks = ({ pool, log, signals, ...deps }: AlwaysOnDeps): readonly SideTask[] => {
  const newsOf = (channel: string) => signals.news([channel], deps.signal)
  const [schedules, notifications] = [newsOf(CHANNELS.schedules), newsOf(CHANNELS.notifications)]
  return [
    {
      what: 'schedules',
      news: schedules,
      step: async () => {
        if (deps.maxFailures > 0) await pauseFailingSources(pool, deps.maxFailures)
        await fireDueSchedules({ pool, manifestOf: deps.manifestOf, log })
        return schedules.pace(SCHEDULES_MS, Math.min(QUIET_MS, await nextDueMs(pool)))
      },
    },
    {
      what: 'notifications',
      news: notifications,
      step: async () => {
        await sendNotifications({ pool, log, url: deps.notifyUrl, signal: deps.signal })
        return notifications.pace(NOTIFICATIONS_MS)
      },
    },
    {
      what: 'old notifications',
      step: async () => {
        await forgetNotifications(pool)
        return FORGET_MS
      },
    },
    {
      what: 'old runs',
      step: async () => {
        const removed = deps.keepRunsDays === 0 ? 0 : await removeOldRuns(pool, deps.keepRunsDays, RUNS_AT_ONCE)
        if (removed > 0) log.info({ runs: removed, days: deps.keepRunsDays }, 'old runs removed')
        return removed < RUNS_AT_ONCE ? FORGET_MS : 0
      },
    },
    {
      what: 'old dead letters',
      step: async () => {
        const removed = deps.keepRunsDays === 0 ? 0 : await removeOldLetters(pool, deps.keepRunsDays, LETTERS_AT_ONCE)
        if (removed > 0) log.info({ letters: removed, days: deps.keepRunsDays }, 'old dead letters removed')
        return removed < LETTERS_AT_ONCE ? FORGET_MS : 0
      },
    },
  ]
}
