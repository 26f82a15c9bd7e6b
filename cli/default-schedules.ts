// What runs by itself of a source that was just connected: delta every ten minutes and reconcile every night.
import { databaseTime } from '../ledger/database-time.ts'
import { listSchedules, type ScheduleRule, saveSchedule } from '../ledger/schedules.ts'
import type { SourceName } from '../ledger/source-health.ts'
import { nextDue } from '../orchestrator/due.ts'
import type { Pool } from '../platform/postgres.ts'

const DEFAULTS = [
  // Organisations that were added one after the other are not all due at once.
  { strategy: 'delta', cron: null, everySeconds: 600, jitterSeconds: 60 },
  { strategy: 'reconcile', cron: '0 2 * * *', everySeconds: null, jitterSeconds: 7_200 },
] as const

const MAX_NAME = 63

/** The strategy alone for the first source of an adapter, as long as no schedule is called so. */
const nameOf = (source: string, adapter: string, strategy: string, taken: ReadonlySet<string>): string => {
  if (source === adapter && !taken.has(strategy)) return strategy
  const name = `${source.slice(0, MAX_NAME - 1 - strategy.length)}-${strategy}`
  let [free, n] = [name, 1]
  while (taken.has(free)) free = `${name.slice(0, MAX_NAME - 4)}-${++n}`
  return free
}

/** `taken`: names of the organisation's schedules, which are somebody's. */
export const defaultSchedules = (
  { orgId, source }: SourceName,
  adapter: string,
  taken: ReadonlySet<string>,
): readonly ScheduleRule[] =>
  DEFAULTS.map((rule) => ({
    ...rule,
    orgId,
    source,
    name: nameOf(source, adapter, rule.strategy, taken),
    selection: null,
    timeZone: 'UTC',
    missed: 'once',
    blackouts: [],
  }))

/** To be called once, when a source has been added. Returns their names. */
export const addDefaultSchedules = async (pool: Pool, source: SourceName, adapter: string): Promise<readonly string[]> => {
  const now = await databaseTime(pool)
  const taken = new Set((await listSchedules(pool, source.orgId)).map(({ name }) => name))
  const rules = defaultSchedules(source, adapter, taken)
  for (const rule of rules) await saveSchedule(pool, rule, nextDue(rule, now, Math.random))
  return rules.map(({ name }) => name)
}
