// The schemas as TypeScript types and as a page for people: pure text, written to files by generate.ts and held by a test.
import {
  type CanonicalColumn,
  type CanonicalEntity,
  type CanonicalField,
  type ColumnKind,
  commonColumns,
  isCommonField,
} from './canonical.ts'

const TS_TYPES = { string: 'string', boolean: 'boolean', int: 'number', long: 'number', double: 'number' } as const

const tsTypeOf = ({ type }: CanonicalField): string => {
  const inner = Array.isArray(type) ? type[1] : type
  const primitive = typeof inner === 'string' ? inner : inner.type
  const name = primitive === 'map' ? 'Readonly<Record<string, string>>' : TS_TYPES[primitive]
  return Array.isArray(type) ? `${name} | null` : name
}

/** What a number or a text means, where the type alone does not say. */
const UNITS: Readonly<Record<string, string>> = {
  date: 'Days since 1970-01-01.',
  timestamp: 'Milliseconds since 1970-01-01T00:00:00Z.',
  json: 'JSON text.',
}

const kindsOf = (
  columns: readonly { readonly field: string | null; readonly kind: ColumnKind }[],
): ReadonlyMap<string | null, string> => new Map(columns.map(({ field, kind }) => [field, kind]))

const commonKinds = kindsOf(commonColumns)

const properties = (fields: readonly CanonicalField[], kinds: ReadonlyMap<string | null, string>): string =>
  fields
    .map((field) => {
      const unit = field.name === 'customFields' ? undefined : UNITS[kinds.get(field.name) ?? '']
      return `  /** ${field.doc}${unit === undefined ? '' : ` ${unit}`} */\n  readonly ${field.name}: ${tsTypeOf(field)}`
    })
    .join('\n')

const commonFieldsOf = (entity: CanonicalEntity | undefined): readonly CanonicalField[] =>
  entity?.schema.fields.filter((field) => isCommonField(field.name)) ?? []

const ownFieldsOf = ({ schema }: CanonicalEntity): readonly CanonicalField[] =>
  schema.fields.filter((field) => !isCommonField(field.name))

/** Type aliases, because only they fit the index signature of a record of any entity. */
const aliasOf = (doc: string, name: string, body: string): string => `/** ${doc} */\nexport type ${name} = {\n${body}\n}\n`

/** The module topics/generated/canonical-types.ts. The common fields are the same in every schema. */
export const canonicalTypes = (entities: readonly CanonicalEntity[]): string =>
  [
    '// Generated from topics/schemas/*.avsc by `npm run generate`; a test fails when it differs. Do not edit.\n',
    aliasOf('Stands in every canonical record.', 'CanonicalCommon', properties(commonFieldsOf(entities[0]), commonKinds)),
    ...entities.map((entity) =>
      aliasOf(entity.schema.doc, `${entity.schema.name}Fields`, properties(ownFieldsOf(entity), kindsOf(entity.columns))),
    ),
  ].join('\n')

const cell = (text: string): string => text.replaceAll('|', '\\|')

const referenceOf = ({ references }: CanonicalColumn): string =>
  references === null
    ? ''
    : ` → [${references.entity}](#${references.entity})${references.edge === 'hard' ? ', foreign key' : ''}`

type Row = readonly [field: string, column: string, type: string, meaning: string]

const rowOf = (column: CanonicalColumn, doc: string): Row => [
  `\`${column.field}\``,
  `\`${column.column}\``,
  `${column.pgType}${referenceOf(column)}`,
  cell(doc),
]

const HEAD: Row = ['field', 'column', 'type', 'meaning']

/** Cells padded to the width of their column, as the formatter would have it. */
const tableOf = (rows: readonly Row[]): readonly string[] => {
  const widths = HEAD.map((_, i) => Math.max(...[HEAD, ...rows].map((row) => row[i]?.length ?? 0)))
  const line = (cells: readonly string[]): string => `| ${cells.map((text, i) => text.padEnd(widths[i] ?? 0)).join(' | ')} |`
  return [line(HEAD), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)]
}

const entitySection = ({ entity, table, schema, columns, hasSourceUpdatedAt }: CanonicalEntity): string => {
  const docs = new Map(schema.fields.map((field) => [field.name, field.doc]))
  const order = hasSourceUpdatedAt ? '' : ' The source gives no updated_at: `observedAt` alone orders its versions.'
  return [
    `## ${entity}`,
    '',
    `${schema.doc}${order} Topic \`canonical.${entity}\`, table \`canonical.${table}\`, Avro \`${schema.namespace}.${schema.name}\`.`,
    '',
    ...tableOf(columns.map((column) => rowOf(column, docs.get(column.field) ?? ''))),
  ].join('\n')
}

const commonInRecord: readonly CanonicalColumn[] = commonColumns.flatMap((column) =>
  column.field === null ? [] : [{ ...column, field: column.field, references: null }],
)

/** The page docs/canonical.md. */
export const canonicalPage = (entities: readonly CanonicalEntity[]): string => {
  const docs = new Map(commonFieldsOf(entities[0]).map((field) => [field.name, field.doc]))
  return `${[
    '<!-- Generated from topics/schemas/*.avsc by `npm run generate`; a test fails when it differs. Do not edit. -->',
    '# Canonical records',
    '',
    'What stands on the topics `canonical.*` and in the tables of the schema `canonical`. The `.avsc` files in `topics/schemas/` are the',
    'contract; compatibility is FULL_TRANSITIVE. Dates are Avro `date`, times `timestamp-millis`; every field of the source may be null.',
    'A deletion is a record with `deletedAt` and nulls, but for the person that another was merged into; its table row keeps the key.',
    '',
    '## Fields of every record',
    '',
    ...tableOf(commonInRecord.map((column) => rowOf(column, docs.get(column.field) ?? ''))),
    '',
    entities.map(entitySection).join('\n\n'),
  ].join('\n')}\n`
}
