// The tables of the canonical entities and of their parked rows: pure text, from the schemas of topics/.
// Must hold: only keys are NOT NULL; a hard reference is a foreign key; the committed migration is what stands here.
import {
  type Column,
  commonOf,
  type Layout,
  layouts,
  listed,
  ORIGIN_COLUMNS,
  type Parent,
  quoted,
  RUN_COLUMNS,
} from './layout.ts'

const KEY = ['org_id', 'id']

export const tableColumns = ({ record }: Layout): readonly Column[] => [
  ...record,
  ...commonOf(RUN_COLUMNS).map(({ column, pgType }) => ({ name: column, pgType })),
]

/** Entities whose tables came after the first migration, each with the file of its own in migrations/. */
export const LATER_TABLES: Readonly<Record<string, string>> = {}

const firstLayouts = layouts.filter(({ entity }) => !Object.hasOwn(LATER_TABLES, entity))

const withParents = (some: readonly Layout[]): readonly Layout[] => some.filter(({ parents }) => parents.length > 0)

/** Columns that came after the first migration, by entity. */
const ADDED: Readonly<Record<string, readonly string[]>> = { person: ['merged_into_id'] }

const isFirst =
  ({ entity }: Layout) =>
  ({ name }: Column): boolean =>
    ADDED[entity]?.includes(name) !== true

/** Those of the first migration. */
const firstParkedColumns = ({ record }: Layout): readonly Column[] => [
  ...record,
  ...ORIGIN_COLUMNS,
  { name: 'parked_at', pgType: 'timestamptz' },
]

/** External ids of the parents by the column that points to them: `{"person_id": "123"}`. */
const PARENTS: Column = { name: 'parents', pgType: 'jsonb' }

/** The record as it stood on its topic, and its header of the letter that was replayed with it: what a dead letter is made of. */
const ORIGINAL: readonly Column[] = [
  { name: 'value', pgType: 'bytea' },
  { name: 'replays', pgType: 'text' },
]

export const parkedColumns = (layout: Layout): readonly Column[] => [...firstParkedColumns(layout), PARENTS, ...ORIGINAL]

const defined = ({ name, pgType }: Column): string => {
  const rest = KEY.includes(name) ? ' not null' : name === 'parked_at' ? ' not null default now()' : ''
  return `  ${quoted(name)} ${pgType}${rest}`
}

const foreignKey = (layout: Layout, { column, table }: Parent): string =>
  `  constraint ${quoted(`${layout.name}_${column}_fkey`)} foreign key ("org_id", ${quoted(column)}) references ${table} ("org_id", "id")`

const index = (on: string, table: string, suffix: string, columns: readonly string[]): string =>
  `create index ${quoted(`${table}_${suffix}`)} on ${on} (${columns.map(quoted).join(', ')});`

const parentIndexes = (on: string, table: string, parents: readonly Parent[]): string[] =>
  parents.map(({ column }) => index(on, table, `by_${column}`, ['org_id', column]))

// A little room in each page lets an update stay in it, without touching the indexes.
const table = (name: string, parts: readonly string[], fillfactor: number): string =>
  `create table ${name} (\n${parts.join(',\n')}\n) with (fillfactor = ${fillfactor});`

const canonicalTable = (layout: Layout): readonly string[] => [
  table(
    layout.table,
    [
      ...tableColumns(layout).filter(isFirst(layout)).map(defined),
      '  primary key ("org_id", "id")',
      ...layout.parents.map((parent) => foreignKey(layout, parent)),
    ],
    90,
  ),
  index(layout.table, layout.name, 'by_external_id', ['external_id']),
  ...parentIndexes(layout.table, layout.name, layout.parents),
]

const parkedTable = (layout: Layout, columns: readonly Column[]): readonly string[] => [
  table(layout.parked, [...columns.map(defined), '  primary key ("org_id", "id")'], 100),
  ...parentIndexes(layout.parked, `parked_${layout.name}`, layout.parents),
]

const header = `-- Canonical tables, parents first, and the parked rows of entities that cannot be without a parent.
-- Derived from topics/schemas/*.avsc by sinks/postgres/ddl.ts; a test holds them together.
-- A row's version is (source_updated_at, observed_at, mapping_revision); content_hash is of everything that a source says.`

/** The SQL of migrations/0001_canonical.sql. */
export const generateCanonicalMigration = (): string => {
  const parked = withParents(firstLayouts)
  const parkedTables = parked.map((layout) => parkedTable(layout, firstParkedColumns(layout)))
  const up = [...firstLayouts.map(canonicalTable), ...parkedTables].map((lines) => lines.join('\n')).join('\n\n')
  const down = [...parked.map((layout) => layout.parked), ...firstLayouts.map(({ table }) => table).reverse()]
  return [
    `-- Up Migration\n${header}\n`,
    'create schema if not exists sync;\ncreate schema if not exists canonical;\n',
    `${up}\n`,
    `-- Down Migration\n${down.map((name) => `drop table ${name};`).join('\n')}\n`,
  ].join('\n')
}

/** The SQL of the migration of one of LATER_TABLES. */
export const generateTableMigration = (layout: Layout): string => {
  const parked = withParents([layout]).map((each) => parkedTable(each, parkedColumns(each)))
  const down = [...withParents([layout]).map((each) => each.parked), layout.table]
  return `-- Up Migration
-- The table of ${layout.entity}. Derived from its schema by sinks/postgres/ddl.ts.
${[canonicalTable(layout), ...parked].map((lines) => lines.join('\n')).join('\n\n')}

select canonical.restrict_readers();

-- Down Migration
${down.map((name) => `drop table ${name};`).join('\n')}
`
}

/** The SQL of migrations/0004_repair.sql. */
export const generateParentsMigration = (): string => {
  const parked = withParents(firstLayouts).map((layout) => layout.parked)
  return `-- Up Migration
-- External ids of a parked row's parents by the column that points to them, as the record's header told them: what the parents are
-- asked for by, because a canonical id does not tell. Derived by sinks/postgres/ddl.ts.
${parked.map((name) => `alter table ${name} add column ${defined(PARENTS).trim()};`).join('\n')}

-- Down Migration
${parked.map((name) => `alter table ${name} drop column ${quoted(PARENTS.name)};`).join('\n')}
`
}

/** The SQL of migrations/0011_parked_originals.sql. */
export const generateOriginalsMigration = (): string => {
  const parked = withParents(firstLayouts).map((layout) => layout.parked)
  const columns = parked.flatMap((table) => ORIGINAL.map((column) => ({ table, column })))
  return `-- Up Migration
-- The record as it stood on its topic, and which letter was replayed with it: a parked row that its table refuses becomes a dead letter of
-- these bytes. Null in rows parked before: those stay parked. Derived by sinks/postgres/ddl.ts.
${columns.map(({ table, column }) => `alter table ${table} add column ${defined(column).trim()};`).join('\n')}

-- Down Migration
${columns.map(({ table, column }) => `alter table ${table} drop column ${quoted(column.name)};`).join('\n')}
`
}

/** The SQL of migrations/0012_merged_people.sql. */
export const generateMergedMigration = (): string => {
  const added = layouts.flatMap((layout) =>
    tableColumns(layout).flatMap((column) => (isFirst(layout)(column) ? [] : [{ table: layout.table, column }])),
  )
  return `-- Up Migration
-- Of a deleted person that was merged into another: the one that was kept. Derived by sinks/postgres/ddl.ts.
${added.map(({ table: name, column }) => `alter table ${name} add column ${defined(column).trim()};`).join('\n')}

-- Down Migration
${added.map(({ table: name, column }) => `alter table ${name} drop column ${quoted(column.name)};`).join('\n')}
`
}

/** The staging table of one connection: it keeps its rows until it is emptied for the next ones. */
export const stagingTable = ({ staged, record }: Layout): string => {
  const columns = [...record, ...ORIGIN_COLUMNS, { name: 'pos', pgType: 'integer' }]
  return `create temp table if not exists ${staged} (${columns.map((c) => `${quoted(c.name)} ${c.pgType}`).join(', ')})`
}

export const copyStatement = ({ staged, record }: Layout): string =>
  `copy ${staged} (${listed([...record, ...ORIGIN_COLUMNS])}, "pos") from stdin (format binary)`

/** Into the table itself. */
export const copyNewStatement = (layout: Layout): string =>
  `copy ${layout.table} (${listed(tableColumns(layout))}) from stdin (format binary)`
