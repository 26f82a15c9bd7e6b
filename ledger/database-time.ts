// PostgreSQL's time: the one clock that all processes share.
import type { Queryable } from '../platform/postgres.ts'

export const databaseTime = async (client: Queryable): Promise<Date> => {
  const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now')
  return rows[0]?.now ?? new Date()
}
