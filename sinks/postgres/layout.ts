// Where an entity's rows live and in which order its columns stand: goes in a CanonicalEntity, come out names and column lists.
// Must hold: COPY, staging, the table and the parked rows all use this one order of columns.
import {
  type CanonicalEntity,
  type CommonColumn,
  canonicalEntities,
  canonicalEntity,
  commonColumns,
  hardReferences,
} from '../../topics/canonical.ts'

export interface Column {
  readonly name: string
  readonly pgType: string
}

export interface Parent {
  readonly entity: string
  /** Column of the child that holds the parent's id. */
  readonly column: string
  readonly table: string
}

export interface Layout {
  readonly entity: string
  /** Parents have lower ordinals than their children: the order of merging and of locking. */
  readonly ordinal: number
  readonly name: string
  /** Quoted, as it stands in SQL. */
  readonly table: string
  readonly staged: string
  readonly parked: string
  /** Columns of the record with its version and hash: the same in staging, table and parked rows. */
  readonly record: readonly Column[]
  readonly parents: readonly Parent[]
}

export const quoted = (name: string): string => `"${name}"`
export const listed = (columns: readonly Column[], alias = ''): string =>
  columns.map(({ name }) => `${alias === '' ? '' : `${alias}.`}${quoted(name)}`).join(', ')

/** What identifies the record: these come first. */
const KEY_COLUMNS = ['id', 'org_id', 'source', 'external_id'] as const
/** With the entity's own columns these make the content, which the hash is taken of. */
export const CONTENT_COLUMNS = ['custom_fields', 'source_updated_at', 'deleted_at'] as const
/** What else orders versions, and the hash. */
export const VERSION_COLUMNS = ['observed_at', 'mapping_revision', 'content_hash'] as const
/** Set by the merge from the record's origin. */
export const RUN_COLUMNS = ['first_run_id', 'last_changed_run_id'] as const

/** The page attempt that a record came with; null for records that belong to no run. */
export const PAGE_COLUMNS: readonly Column[] = [
  { name: 'run_id', pgType: 'uuid' },
  { name: 'range_id', pgType: 'integer' },
  { name: 'page', pgType: 'integer' },
  { name: 'attempt', pgType: 'integer' },
]

/** The page attempt and the record's index in it. */
export const ORIGIN_COLUMNS: readonly Column[] = [...PAGE_COLUMNS, { name: 'index', pgType: 'integer' }]

const commonByName = new Map<string, CommonColumn>(commonColumns.map((c) => [c.column, c]))

export const commonOf = (names: readonly string[]): readonly CommonColumn[] =>
  names.flatMap((name) => commonByName.get(name) ?? [])

const columnsOf = (columns: readonly { readonly column: string; readonly pgType: string }[]): Column[] =>
  columns.map(({ column, pgType }) => ({ name: column, pgType }))

const qualified = (schema: string, table: string): string => `${quoted(schema)}.${quoted(table)}`

const parentsOf = (entity: CanonicalEntity): readonly Parent[] =>
  hardReferences(entity).map(({ column, parent }) => ({
    entity: parent,
    column,
    table: qualified('canonical', canonicalEntity(parent).table),
  }))

const layoutOf = (entity: CanonicalEntity, ordinal: number): Layout => ({
  entity: entity.entity,
  ordinal,
  name: entity.table,
  table: qualified('canonical', entity.table),
  staged: quoted(`staged_${entity.table}`),
  parked: qualified('sync', `parked_${entity.table}`),
  record: columnsOf([...commonOf(KEY_COLUMNS), ...entity.columns, ...commonOf(CONTENT_COLUMNS), ...commonOf(VERSION_COLUMNS)]),
  parents: parentsOf(entity),
})

/** All entities, parents first. */
export const layouts: readonly Layout[] = canonicalEntities.map(layoutOf)

export const layoutByEntity: ReadonlyMap<string, Layout> = new Map(layouts.map((l) => [l.entity, l]))
