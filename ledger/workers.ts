// The lease is the worker's: one row, renewed every 5 s, lapsing after 20 s of PostgreSQL's clock.
import { hostname } from 'node:os'
import type { Queryable } from '../platform/postgres.ts'

export const RENEW_INTERVAL_MS = 5_000
export const LEASE_SECONDS = 20

/** SQL condition: the worker with this id (an expression) holds nothing any more. */
export const lapsed = (holder: string): string =>
  `(${holder} is null or not exists (select from sync.workers w
     where w.worker_id = ${holder} and w.renewed_at > now() - interval '${LEASE_SECONDS} seconds'))`

/** Registers the worker or renews its lease. */
export const renewLease = async (client: Queryable, workerId: string, roles: readonly string[]): Promise<void> => {
  await client.query(
    `insert into sync.workers (worker_id, roles, host, pid) values ($1, $2, $3, $4)
     on conflict (worker_id) do update set renewed_at = now()`,
    [workerId, roles, hostname(), process.pid],
  )
}

/** Gives the lease up: what the worker held can be taken at once. */
export const endLease = async (client: Queryable, workerId: string): Promise<void> => {
  await client.query('delete from sync.workers where worker_id = $1', [workerId])
}

/** Forgets workers that lapsed an hour ago. */
export const forgetLapsedWorkers = async (client: Queryable): Promise<void> => {
  await client.query("delete from sync.workers where renewed_at < now() - interval '1 hour'")
}

/** Number of live workers per role. */
export const liveRoles = async (client: Queryable): Promise<ReadonlyMap<string, number>> => {
  const { rows } = await client.query<{ role: string; count: number }>(
    `select role, count(*) from sync.workers, unnest(roles) as role
     where renewed_at > now() - interval '${LEASE_SECONDS} seconds' group by role`,
  )
  return new Map(rows.map((row) => [row.role, row.count]))
}
