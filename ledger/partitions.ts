// The day's partitions of pages and landings. Must hold: both of a run are in those of the day in its id, so that they go together.
import type { Queryable } from '../platform/postgres.ts'
import { timeOfUuidv7, uuidv7Floor } from '../platform/uuid.ts'

const DAY_MS = 86_400_000
const PARTITION_LOCK = 7_301_955_022

const dayOf = (runId: string): number => Math.floor(timeOfUuidv7(runId) / DAY_MS) * DAY_MS
const suffixOf = (day: number): string => new Date(day).toISOString().slice(0, 10).replaceAll('-', '')

const isThere = async (client: Queryable, partition: string): Promise<boolean> => {
  const { rows } = await client.query<{ there: boolean }>('select to_regclass($1) is not null as there', [`sync.${partition}`])
  return rows[0]?.there ?? false
}

/** False: what a run fetched and what became of it cannot be told any more. */
export const arePagesKept = (client: Queryable, runId: string): Promise<boolean> =>
  isThere(client, `landings_${suffixOf(dayOf(runId))}`)

/** Pages and landings of a day's runs share a partition; made by the first run of the day, dropped by retention.ts. */
export const ensurePartitions = async (client: Queryable, runId: string): Promise<void> => {
  if (await arePagesKept(client, runId)) return
  const day = dayOf(runId)
  const suffix = suffixOf(day)
  await client.query('select pg_advisory_xact_lock($1)', [PARTITION_LOCK])
  for (const table of ['pages', 'landings']) await attachPartition(client, table, `${table}_${suffix}`, day)
}

/** Made apart and then attached: `create table … partition of` would lock out everybody who reads the parent. */
const attachPartition = async (client: Queryable, table: string, partition: string, day: number): Promise<void> => {
  if (await isThere(client, partition)) return
  await client.query(`create table sync.${partition} (like sync.${table} including all)`)
  await client.query(
    `alter table sync.${table} attach partition sync.${partition} for values from ('${uuidv7Floor(day)}') to ('${uuidv7Floor(day + DAY_MS)}')`,
  )
}
