// Letters of records that were too large to be received, once a later walk has received all there is: goes in the run whose entities have
// just closed proven, their older letters of that kind are dropped. Must hold: one that may still be missing stays open.
import { inTransaction, type Pool } from '../platform/postgres.ts'
import { recordDrop } from './dead-letter-actions.ts'
import type { Run } from './runs.ts'

/**
 * A letter of a page does not name its record, so only a walk of everything that met none of them answers it: what it was of has come
 * whole, or is no more. A carried entity came on the pages of its carrier, which may have been what was too large. One that was asked for
 * by its id belongs to no run: it is older than what began after it was written down.
 */
const ANSWERED = `
  select d.entity, d.topic, d.partition, d."offset" from sync.dead_letters d
  join sync.runs r on r.run_id = $1 and r.strategy in ('full', 'reconcile') and r.approves is null
  join sync.run_entities e on e.run_id = r.run_id and e.entity = any($2)
  where d.org_id = r.org_id and d.source = r.source and d.entity = e.entity and d.state = 'open'
    and d.stage = 'fetch' and d.code = 'too-large' and (d.run_id < r.run_id or (d.run_id is null and d.recorded_at < r.created_at))
    and not exists (
      select from sync.dead_letters n where n.run_id = r.run_id and n.entity in (e.entity, e.carrier)
        and n.stage = 'fetch' and n.code = 'too-large')`

interface PlaceRow {
  entity: string
  topic: string
  partition: number
  offset: string | number
}

/** To be called when the entities have closed proven. Twice is once. */
export const dropFetchedAnew = async (pool: Pool, { runId, orgId }: Run, entities: readonly string[]): Promise<void> => {
  const { rows } = await pool.query<PlaceRow>(ANSWERED, [runId, entities])
  for (const entity of new Set(rows.map((row) => row.entity))) {
    const places = rows.filter((row) => row.entity === entity).map((row) => ({ ...row, offset: BigInt(row.offset) }))
    const reason = `all records of ${entity} were received whole in run ${runId}`
    await inTransaction(pool, (client) => recordDrop(client, { orgId, places, actor: 'syncline', reason }))
  }
}
