// Pages and landings of old runs are dropped by the day, with their partition: when all runs of that day have ended long ago.
// The runs and their entities stay longer, with their states; page by page they can no longer be verified.
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
        `select from sync.runs where run_id >= $1 and run_id < $2 and state in ('planned', 'running', 'paused') limit 1`,
        [uuidv7Floor(day), uuidv7Floor(day + DAY_MS)],
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

/** Ids that walks have shown are of use until their run has ended: they judge it, and tell what is gone. To be called now and then. */
export const forgetSeen = async (pool: Pool): Promise<void> => {
  await pool.query(
    "delete from sync.seen where run_id in (select run_id from sync.runs where ended_at > now() - interval '6 hours')",
  )
}

// Kept whatever its age: the newest of its kind, which the next one is planned by; what somebody still has to decide; and what another
// run or the pause of its source will name.
const REMOVE = `
  delete from sync.runs where run_id in (
    select r.run_id from sync.runs r
    where r.ended_at < now() - make_interval(days => $1)
      and exists (select from sync.runs n
        where (n.org_id, n.source, n.strategy) = (r.org_id, r.source, r.strategy) and n.ended_at is not null and n.created_at > r.created_at)
      and not exists (select from sync.dead_letters d where d.run_id = r.run_id and d.state in ('open', 'replaying'))
      and not exists (select from sync.reconciliations c where c.run_id = r.run_id and c.state = 'parked')
      and not exists (select from sync.source_health h where h.last_failed_run = r.run_id)
      and not exists (select from sync.runs a
        where r.run_id in (a.retry_of, a.approves) and a.state in ('planned', 'running', 'paused'))
    order by r.ended_at limit $2)`

/** Removes up to `limit` runs that ended so many days ago, with all that the ledger has of them. Returns how many. */
export const removeOldRuns = async (client: Queryable, days: number, limit: number): Promise<number> => {
  const { rowCount } = await client.query(REMOVE, [days, limit])
  return rowCount ?? 0
}
