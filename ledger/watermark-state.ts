// Watermarks as a state file has them: what an installation with the same rows has been told already. Never moved back unasked.
import type { Queryable } from '../platform/postgres.ts'

export interface WatermarkState {
  readonly orgId: string
  readonly source: string
  readonly entity: string
  /** ISO 8601, to the microsecond. */
  readonly at: string
}

export const readWatermarks = async (client: Queryable, orgId: string | undefined): Promise<readonly WatermarkState[]> => {
  const { rows } = await client.query<WatermarkState>(
    `select org_id as "orgId", source, entity, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at
     from sync.watermarks where $1::text is null or org_id = $1 order by org_id, source, entity`,
    [orgId ?? null],
  )
  return rows
}

/** The run that raised it is of another installation. */
const NO_RUN = '00000000-0000-0000-0000-000000000000'

/** `kept`: the one that is there is further on, and `force` was not given. */
export const importWatermark = async (
  client: Queryable,
  { orgId, source, entity, at }: WatermarkState,
  force: boolean,
): Promise<'added' | 'changed' | 'unchanged' | 'kept'> => {
  const { rows } = await client.query<{ same: boolean; ahead: boolean }>(
    `select at = $4 as same, at > $4 as ahead from sync.watermarks where (org_id, source, entity) = ($1, $2, $3) for update`,
    [orgId, source, entity, at],
  )
  const [before] = rows
  if (before?.same) return 'unchanged'
  if (before?.ahead && !force) return 'kept'
  await client.query(
    `insert into sync.watermarks (org_id, source, entity, at, run_id) values ($1, $2, $3, $4, $5)
     on conflict (org_id, source, entity) do update set at = excluded.at, run_id = excluded.run_id, raised_at = now()`,
    [orgId, source, entity, at, NO_RUN],
  )
  return before === undefined ? 'added' : 'changed'
}
