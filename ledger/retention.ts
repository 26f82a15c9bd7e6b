// Pages and landings of old runs are dropped by the day, with their partition: when all runs that began that day have ended long ago.
// The runs and their entities stay longer, with their states; page by page they can no longer be verified. Dead letters go after them.
import { inTransaction, type Pool, type Queryable } from '../platform/postgres.ts'
import { uuidv7Floor } from '../platform/uuid.ts'

export const RETENTION_DAYS = 30
const DAY_MS = 86_400_000
const PARTITION = /^pages_(\d{4})(\d{2})(\d{2})$/

const dayOf = (partition: string): number | undefined => {
  const [, year, month, day] = PARTITION.exec(partition) ?? []
  return year === undefined ? undefined : Date.UTC(Number(year), Number(month) - 1, Number(day))
}

/** Days (ms since 1970) whose partitions may go, by PostgreSQL's clock. */
const expiredDays = async (pool: Pool): Promise<readonly number[]> => {
  const { rows } = await pool.query<{ partition: string; today: number }>(
    `select c.relname as partition, (extract(epoch from date_trunc('day', now() at time zone 'UTC')) * 1000)::float8 as today
     from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'sync.pages'::regclass`,
  )
  return rows.flatMap(({ partition, today }) => {
    const day = dayOf(partition)
    return day !== undefined && day < today - RETENTION_DAYS * DAY_MS ? [day] : []
  })
}

/** Drops what is over; returns how many days. A partition that is in use is left for the next time (`lock_timeout`). */
export const dropExpiredPages = async (pool: Pool): Promise<number> => {
  let dropped = 0
  for (const day of await expiredDays(pool)) {
    const gone = await inTransaction(pool, async (client) => {
      const { rows } = await client.query(
        `select from sync.runs where run_id >= $1 and run_id < $2
           and (ended_at is null or ended_at >= now() - make_interval(days => $3)) limit 1`,
        [uuidv7Floor(day), uuidv7Floor(day + DAY_MS), RETENTION_DAYS],
      )
      if (rows.length > 0) return false
      const suffix = new Date(day).toISOString().slice(0, 10).replaceAll('-', '')
      await client.query("set local lock_timeout = '2s'")
      await client.query(`drop table sync.landings_${suffix}, sync.pages_${suffix}`)
      return true
    })
    if (gone) dropped++
  }
  return dropped
}

// Which runs have ids, by one look at the index for each: a run may have ended long before anybody led again.
const FORGET_SEEN = `
  with recursive of_runs as (
    (select run_id from sync.seen order by run_id limit 1)
    union all
    select (select s.run_id from sync.seen s where s.run_id > o.run_id order by s.run_id limit 1) from of_runs o where o.run_id is not null)
  delete from sync.seen where run_id in (select run_id from of_runs join sync.runs using (run_id) where ended_at is not null)`

/** Ids that walks have shown are of use until their run has ended: they judge it, and tell what is gone. To be called now and then. */
export const forgetSeen = async (pool: Pool): Promise<void> => {
  await pool.query(FORGET_SEEN)
}

/** So long the topic of dead letters has their bytes (topics/list.ts); older ones can neither be looked at nor replayed. */
const LETTER_DAYS = 30

// Kept whatever its age: the newest of its kind, and the newest that walked an entity to its end, which the next one is planned by
// (history.ts); what somebody still has to decide; and what another run, a schedule or the pause of its source names. A run that carried out an approval goes before the one that was approved, which takes it along.
const REMOVE = `
  delete from sync.runs where run_id in (
    select r.run_id from sync.runs r
    where r.ended_at < now() - make_interval(days => $1)
      and exists (select from sync.runs n
        where (n.org_id, n.source, n.strategy) = (r.org_id, r.source, r.strategy) and n.approves is null and n.ended_at is not null
          and n.created_at > r.created_at)
      and not exists (select from sync.run_entities e
        where e.run_id = r.run_id and r.approves is null and e.state in ('closed', 'unproven') and not exists (
          select from sync.run_entities m join sync.runs n using (run_id)
          where (n.org_id, n.source, n.strategy) = (r.org_id, r.source, r.strategy) and n.approves is null
            and m.entity = e.entity and m.carrier is not distinct from e.carrier
            and m.state in ('closed', 'unproven') and m.ended_at is not null and n.created_at > r.created_at))
      and not exists (select from sync.dead_letters d where d.run_id = r.run_id and d.state in ('open', 'replaying')
        and d.recorded_at >= now() - interval '${LETTER_DAYS} days')
      and not exists (select from sync.reconciliations c where c.run_id = r.run_id and c.state = 'parked')
      and not exists (select from sync.source_health h where h.last_failed_run = r.run_id)
      and not exists (select from sync.schedules s where s.last_run_id = r.run_id)
      and not exists (select from sync.runs a where a.approves = r.run_id)
      and not exists (select from sync.runs a where a.retry_of = r.run_id and a.state in ('planned', 'running', 'paused'))
    order by r.ended_at limit $2)`

/** Removes up to `limit` runs that ended so many days ago, with all that the ledger has of them. Returns how many. */
export const removeOldRuns = async (client: Queryable, days: number, limit: number): Promise<number> => {
  const { rowCount } = await client.query(REMOVE, [days, limit])
  return rowCount ?? 0
}

// One that was replayed and whose record is parked is still waited for (ledger/replays.ts). Of open ones the newest of a record stays, of
// those without an id the newest of its cause: that it is not in the tables is known as long as nothing else is.
const REMOVE_LETTERS = `
  delete from sync.dead_letters where (topic, partition, "offset") in (
    select d.topic, d.partition, d."offset" from sync.dead_letters d
    where coalesce(d.acted_at, d.recorded_at) < now() - make_interval(days => $1)
      and not exists (select from sync.runs r where r.run_id = d.run_id)
      and (d.state = 'dropped' or d.state = 'replayed' and d.outcome <> 'parked' or d.state = 'open' and exists (
        select from sync.dead_letters n where (n.org_id, n.source, n.entity) = (d.org_id, d.source, d.entity)
          and (n.external_id = d.external_id or n.external_id is null and d.external_id is null and (n.stage, n.code) = (d.stage, d.code))
          and (n.recorded_at, n.topic, n.partition, n."offset") > (d.recorded_at, d.topic, d.partition, d."offset")))
    limit $2)`

/**
 * Removes up to `limit` dead letters that nothing has happened to for so many days, of runs that are removed and of none: settled ones, and
 * open ones of which there is a newer. Returns how many.
 */
export const removeOldLetters = async (client: Queryable, days: number, limit: number): Promise<number> => {
  const { rowCount } = await client.query(REMOVE_LETTERS, [Math.max(days, LETTER_DAYS), limit])
  return rowCount ?? 0
}
