// Schedules: what is to run when, and the guarded steps of one that is due. Every step names the turn that it has seen and raises it.
import type { Strategy } from '../manifests/strategy.ts'
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { recordAudit } from './audit.ts'
import { insertRun } from './runs.ts'

/** A window of the week in which nothing is begun. */
export interface Blackout {
  /** 0 is Sunday: the days on which it begins. */
  readonly days: readonly number[]
  /** `HH:MM`, inclusive. */
  readonly from: string
  /** `HH:MM`, exclusive; not after `from`: of the next day. */
  readonly to: string
}

/** What somebody has asked for. */
export interface ScheduleRule {
  readonly orgId: string
  readonly name: string
  readonly source: string
  readonly strategy: Strategy
  /** null: all entities that the manifest has when it fires. */
  readonly selection: readonly string[] | null
  /** Either this or `everySeconds`. */
  readonly cron: string | null
  readonly everySeconds: number | null
  readonly timeZone: string
  readonly jitterSeconds: number
  readonly missed: 'skip' | 'once'
  readonly blackouts: readonly Blackout[]
}

/** When it is due by its rule, and when it fires: that, and some jitter. */
export interface DueTime {
  readonly dueAt: Date
  readonly firesAt: Date
}

export interface Schedule extends ScheduleRule, DueTime {
  readonly pausedAt: Date | null
  readonly turn: number
  readonly waitingFor: string | null
  readonly lastFiredAt: Date | null
  readonly lastRunId: string | null
  readonly lastSkippedAt: Date | null
  readonly lastSkipReason: string | null
  /** Of its source: none of its schedules fires. */
  readonly sourcePausedAt: Date | null
}

const COLUMNS = `s.org_id as "orgId", s.name, s.source, s.strategy, s.selection, s.cron, s.every_seconds as "everySeconds",
  s.time_zone as "timeZone", s.jitter_seconds as "jitterSeconds", s.missed, s.blackouts, s.paused_at as "pausedAt",
  s.due_at as "dueAt", s.fires_at as "firesAt", s.turn, s.waiting_for as "waitingFor", s.last_fired_at as "lastFiredAt",
  s.last_run_id as "lastRunId", s.last_skipped_at as "lastSkippedAt", s.last_skip_reason as "lastSkipReason",
  h.paused_at as "sourcePausedAt"`
const FROM = 'from sync.schedules s left join sync.source_health h on (h.org_id, h.source) = (s.org_id, s.source)'

/** By organisation and name; of all organisations or one. */
export const listSchedules = async (client: Queryable, orgId?: string): Promise<readonly Schedule[]> => {
  const { rows } = await client.query<Schedule>(
    `select ${COLUMNS} ${FROM} where $1::text is null or s.org_id = $1 order by s.org_id, s.name`,
    [orgId ?? null],
  )
  return rows
}

/**
 * Adds a schedule, or gives one of that name another rule; a paused one stays paused unless `paused` says otherwise. Throws what PostgreSQL
 * throws for an unknown source.
 */
export const saveSchedule = async (
  client: Queryable,
  rule: ScheduleRule,
  due: DueTime,
  paused?: boolean,
): Promise<'added' | 'changed'> => {
  const { rows } = await client.query<{ added: boolean }>(
    `insert into sync.schedules as s (org_id, name, source, strategy, selection, cron, every_seconds, time_zone, jitter_seconds, missed,
       blackouts, due_at, fires_at, paused_at)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, case when $14::boolean then now() end)
     on conflict (org_id, name) do update set source = $3, strategy = $4, selection = $5, cron = $6, every_seconds = $7, time_zone = $8,
       jitter_seconds = $9, missed = $10, blackouts = $11, due_at = $12, fires_at = $13, turn = s.turn + 1, waiting_for = null,
       paused_at = case when $14 is null then s.paused_at when $14 then coalesce(s.paused_at, now()) end
     returning xmax = 0 as added`,
    [
      rule.orgId,
      rule.name,
      rule.source,
      rule.strategy,
      rule.selection,
      rule.cron,
      rule.everySeconds,
      rule.timeZone,
      rule.jitterSeconds,
      rule.missed,
      JSON.stringify(rule.blackouts),
      due.dueAt,
      due.firesAt,
      paused ?? null,
    ],
  )
  return rows[0]?.added ? 'added' : 'changed'
}

/** False: there is no such schedule. */
export const removeSchedule = async (client: Queryable, orgId: string, name: string): Promise<boolean> => {
  const { rowCount } = await client.query('delete from sync.schedules where org_id = $1 and name = $2', [orgId, name])
  return rowCount === 1
}

/** False: there is none, or it is paused already. */
export const pauseSchedule = async (client: Queryable, orgId: string, name: string): Promise<boolean> => {
  const { rowCount } = await client.query(
    `update sync.schedules set paused_at = now(), turn = turn + 1, waiting_for = null
     where org_id = $1 and name = $2 and paused_at is null`,
    [orgId, name],
  )
  return rowCount === 1
}

/** What was due meanwhile is not made up for: that was asked for by pausing it. False: there is none, or it is not paused. */
export const resumeSchedule = async (client: Queryable, orgId: string, name: string, due: DueTime): Promise<boolean> => {
  const { rowCount } = await client.query(
    `update sync.schedules set paused_at = null, turn = turn + 1, due_at = $3, fires_at = $4
     where org_id = $1 and name = $2 and paused_at is not null`,
    [orgId, name, due.dueAt, due.firesAt],
  )
  return rowCount === 1
}

export interface DueSchedule extends Schedule {
  readonly adapter: string
  /** PostgreSQL's time when it was found to be due. */
  readonly now: Date
  /** A run that has not ended and would be in its way (insertRun): of the same entities, and a delta as well or as little as it. */
  readonly busyRunId: string | null
}

/** None of a paused schedule, source or organisation. */
const FIRING = `${FROM}
  join sync.connections c on (c.org_id, c.source) = (s.org_id, s.source)
  join sync.organisations o on o.org_id = s.org_id and o.active
  where s.paused_at is null and h.paused_at is null`

/** Schedules that are due, the longest first. */
export const dueSchedules = async (client: Queryable, limit: number): Promise<readonly DueSchedule[]> => {
  const { rows } = await client.query<DueSchedule>(
    `select ${COLUMNS}, c.adapter, clock_timestamp() as now,
       (select r.run_id from sync.runs r where (r.org_id, r.source) = (s.org_id, s.source)
          and (r.strategy = 'delta') = (s.strategy = 'delta') and r.state in ('planned', 'running', 'paused')
          and (s.selection is null or r.selection = '{}' or r.selection && s.selection) order by r.created_at limit 1) as "busyRunId"
     ${FIRING} and s.fires_at <= now() order by s.fires_at limit $1`,
    [limit],
  )
  return rows
}

/** Milliseconds until the next one is due; Infinity: there is none. Below 0 where one is due already. */
export const nextDueMs = async (client: Queryable): Promise<number> => {
  const { rows } = await client.query<{ ms: number | null }>(
    `select (extract(epoch from min(s.fires_at) - clock_timestamp()) * 1000)::float8 as ms ${FIRING}`,
  )
  return rows[0]?.ms ?? Number.POSITIVE_INFINITY
}

type SeenSchedule = Pick<DueSchedule, 'orgId' | 'name' | 'source' | 'adapter' | 'turn'>

/**
 * The run of a due time and the next due time, in one transaction. Undefined: another was first, or it was changed or paused meanwhile.
 * Throws 'already-running' and 'paused' as insertRun does; the schedule is then as it was.
 */
export const fireSchedule = (
  pool: Pool,
  seen: SeenSchedule,
  run: { readonly strategy: Strategy; readonly selection: readonly string[] },
  next: DueTime,
): Promise<string | undefined> =>
  inTransaction(pool, async (client) => {
    const { rowCount } = await client.query(
      `update sync.schedules set due_at = $4, fires_at = $5, turn = turn + 1, waiting_for = null, last_fired_at = now()
       where org_id = $1 and name = $2 and turn = $3 and paused_at is null`,
      [seen.orgId, seen.name, seen.turn, next.dueAt, next.firesAt],
    )
    if (rowCount !== 1) return undefined
    const { orgId, source, adapter, name } = seen
    const runId = await insertRun(client, { orgId, source, adapter, ...run, schedule: name })
    await client.query('update sync.schedules set last_run_id = $3 where org_id = $1 and name = $2', [orgId, name, runId])
    await recordAudit(client, { orgId, action: 'schedule.fired', subject: name, facts: { runId } })
    return runId
  })

/** Leaves a due time out. False: another was first. */
export const skipDue = async (client: Queryable, seen: SeenSchedule, next: DueTime, reason: string): Promise<boolean> => {
  const { rowCount } = await client.query(
    `update sync.schedules set due_at = $4, fires_at = $5, turn = turn + 1, waiting_for = null, last_skipped_at = now(), last_skip_reason = $6
     where org_id = $1 and name = $2 and turn = $3`,
    [seen.orgId, seen.name, seen.turn, next.dueAt, next.firesAt, reason],
  )
  return rowCount === 1
}

/** Puts a due time off. False: another was first. */
export const holdDue = async (client: Queryable, seen: SeenSchedule, until: Date, reason: string): Promise<boolean> => {
  const { rowCount } = await client.query(
    'update sync.schedules set fires_at = $4, turn = turn + 1, waiting_for = $5 where org_id = $1 and name = $2 and turn = $3',
    [seen.orgId, seen.name, seen.turn, until, reason],
  )
  return rowCount === 1
}
