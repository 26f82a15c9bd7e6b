// One row by its id, as it stands in its table or waits among the parked ones: goes in an organisation and ids, come out its
// versions and origin, never a value of the payload.
import type { Queryable } from '../../platform/postgres.ts'
import { type Layout, layoutByEntity, ORIGIN_COLUMNS, quoted } from './layout.ts'
import type { OriginRow } from './parking.ts'

/** What orders the versions of a record (sinks/version.ts), and its content. */
export interface RowVersion {
  readonly id: string
  readonly source: string
  readonly externalId: string
  readonly sourceUpdatedAt: Date | null
  readonly observedAt: Date
  readonly mappingRevision: number
  readonly contentHash: string
  readonly deletedAt: Date | null
}

export interface StandingRow extends RowVersion {
  /** Null: it came with no run. */
  readonly firstRunId: string | null
  readonly lastChangedRunId: string | null
  /** When the transaction that wrote it was committed; null where PostgreSQL does not keep that (track_commit_timestamp). */
  readonly writtenAt: Date | null
}

export interface MissingParent {
  readonly entity: string
  /** Column of the child. */
  readonly column: string
  readonly id: string
  readonly present: boolean
}

export interface ParkedRow extends RowVersion {
  readonly parkedAt: Date
  readonly parents: readonly MissingParent[]
  /** Null: it came with no run. */
  readonly origin: {
    readonly runId: string
    readonly rangeId: number
    readonly page: number
    readonly attempt: number
    readonly index: number
  } | null
}

interface VersionColumns {
  id: string
  source: string
  external_id: string
  source_updated_at: Date | null
  observed_at: Date
  mapping_revision: number
  content_hash: string
  deleted_at: Date | null
}

const VERSION =
  'r.id, r.source, r.external_id, r.source_updated_at, r.observed_at, r.mapping_revision, r.content_hash, r.deleted_at'

const versionOf = (row: VersionColumns): RowVersion => ({
  id: row.id,
  source: row.source,
  externalId: row.external_id,
  sourceUpdatedAt: row.source_updated_at,
  observedAt: row.observed_at,
  mappingRevision: row.mapping_revision,
  contentHash: row.content_hash,
  deletedAt: row.deleted_at,
})

const WRITTEN_AT = `case when current_setting('track_commit_timestamp') = 'on' then pg_xact_commit_timestamp(r.xmin) end as written_at`

/** Rows with one of the ids in the entity's table; deleted ones too. */
export const findRows = async (
  client: Queryable,
  orgId: string,
  entity: string,
  ids: readonly string[],
): Promise<readonly StandingRow[]> => {
  const layout = layoutByEntity.get(entity)
  if (layout === undefined) return []
  const { rows } = await client.query<
    VersionColumns & { first_run_id: string | null; last_changed_run_id: string | null; written_at: Date | null }
  >(
    `select ${VERSION}, r.first_run_id, r.last_changed_run_id, ${WRITTEN_AT} from ${layout.table} r
     where r.org_id = $1 and r.id = any($2::uuid[]) order by r.id`,
    [orgId, ids],
  )
  return rows.map((row) => ({
    ...versionOf(row),
    firstRunId: row.first_run_id,
    lastChangedRunId: row.last_changed_run_id,
    writtenAt: row.written_at,
  }))
}

const parentColumns = ({ parents }: Layout): string =>
  parents
    .map(({ column, table }, i) => {
      const id = `r.${quoted(column)}`
      return `, ${id} as "parent_${i}", exists (select from ${table} p where p.org_id = r.org_id and p.id = ${id}) as "present_${i}"`
    })
    .join('')

type ParkedColumns = VersionColumns & OriginRow & { parked_at: Date } & Readonly<Record<string, unknown>>

const parentsOf = (layout: Layout, row: ParkedColumns): readonly MissingParent[] =>
  layout.parents.flatMap(({ entity, column }, i) => {
    const id = row[`parent_${i}`]
    return typeof id === 'string' ? [{ entity, column, id, present: row[`present_${i}`] === true }] : []
  })

/** Parked rows with one of the ids; the entity may have none. */
export const findParked = async (
  client: Queryable,
  orgId: string,
  entity: string,
  ids: readonly string[],
): Promise<readonly ParkedRow[]> => {
  const layout = layoutByEntity.get(entity)
  if (layout === undefined || layout.parents.length === 0) return []
  const origin = ORIGIN_COLUMNS.map(({ name }) => `r.${quoted(name)}`).join(', ')
  const { rows } = await client.query<ParkedColumns>(
    `select ${VERSION}, r.parked_at, ${origin}${parentColumns(layout)} from ${layout.parked} r
     where r.org_id = $1 and r.id = any($2::uuid[]) order by r.id`,
    [orgId, ids],
  )
  return rows.map((row) => ({
    ...versionOf(row),
    parkedAt: row.parked_at,
    parents: parentsOf(layout, row),
    origin:
      row.run_id === null
        ? null
        : { runId: row.run_id, rangeId: row.range_id, page: row.page, attempt: row.attempt, index: row.index },
  }))
}
