// What runs by itself of a source that was just connected: delta every ten minutes and reconcile every night, where this version has them.
import { databaseTime, type ScheduleRule, saveSchedule } from '../ledger/schedules.ts'
import type { SourceName } from '../ledger/source-health.ts'
import { STRATEGIES } from '../manifests/strategy.ts'
import { nextDue } from '../orchestrator/due.ts'
import type { Pool } from '../platform/postgres.ts'

const DEFAULTS = [
  // Organisations that were added one after the other are not all due at once.
  { strategy: 'delta', cron: null, everySeconds: 600, jitterSeconds: 60 },
  { strategy: 'reconcile', cron: '0 2 * * *', everySeconds: null, jitterSeconds: 7_200 },
] as const

/** `isThere`: whether a strategy is one that can run. A second source of an organisation has its name in that of its schedules. */
export const defaultSchedules = (
  { orgId, source }: SourceName,
  adapter: string,
  isThere: (strategy: string) => boolean = (strategy) => STRATEGIES.some((name) => name === strategy),
): readonly ScheduleRule[] =>
  DEFAULTS.filter(({ strategy }) => isThere(strategy)).map((rule) => ({
    ...rule,
    orgId,
    source,
    name: source === adapter ? rule.strategy : `${source}-${rule.strategy}`.slice(0, 63),
    selection: null,
    timeZone: 'UTC',
    missed: 'once',
    blackouts: [],
  }))

/** To be called once, when a source has been added. Returns their names. */
export const addDefaultSchedules = async (pool: Pool, source: SourceName, adapter: string): Promise<readonly string[]> => {
  const now = await databaseTime(pool)
  const rules = defaultSchedules(source, adapter)
  for (const rule of rules) await saveSchedule(pool, rule, nextDue(rule, now, Math.random))
  return rules.map(({ name }) => name)
}
