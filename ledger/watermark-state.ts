// Watermarks as a state file has them: read and set whatever keeps them. Without the table there are none, and none can be set.
import { SynclineError } from '../platform/errors.ts'
import type { Queryable } from '../platform/postgres.ts'

export interface WatermarkState {
  readonly orgId: string
  readonly source: string
  readonly entity: string
  readonly kind: string
  /** ISO 8601, to the microsecond. */
  readonly value: string
}

const isThere = async (client: Queryable): Promise<boolean> => {
  const { rows } = await client.query<{ there: boolean }>(`select to_regclass('sync.watermarks') is not null as there`)
  return rows[0]?.there ?? false
}

export const readWatermarks = async (client: Queryable, orgId: string | undefined): Promise<readonly WatermarkState[]> => {
  if (!(await isThere(client))) return []
  const { rows } = await client.query<WatermarkState>(
    `select org_id as "orgId", source, entity, kind, to_char(value at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as value
     from sync.watermarks where $1::text is null or org_id = $1 order by org_id, source, entity, kind`,
    [orgId ?? null],
  )
  return rows
}

/** Sets it, backwards too. Throws SynclineError('incompatible') where there are no watermarks. */
export const saveWatermark = async (client: Queryable, mark: WatermarkState): Promise<void> => {
  if (!(await isThere(client))) {
    throw new SynclineError('incompatible', 'This version keeps no watermarks.', {
      remedy: 'Import them with the version that exported them.',
    })
  }
  await client.query(
    `insert into sync.watermarks (org_id, source, entity, kind, value) values ($1, $2, $3, $4, $5)
     on conflict (org_id, source, entity, kind) do update set value = excluded.value`,
    [mark.orgId, mark.source, mark.entity, mark.kind, mark.value],
  )
}

/** By time, to the microsecond: both are as readWatermarks gives them, or any ISO 8601. */
export const isAhead = (value: string, than: string): boolean => microseconds(value) > microseconds(than)

const microseconds = (text: string): bigint => {
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? ''
  const micros = BigInt(fraction.padEnd(6, '0').slice(0, 6))
  const seconds = Math.floor(new Date(text).getTime() / 1_000)
  return BigInt(seconds) * 1_000_000n + micros
}
