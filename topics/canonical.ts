// The canonical entities, read from schemas/*.avsc: goes in the contract with other teams, comes out entities and table columns.
// Must hold: nothing about a canonical record is written down twice; tables, types and COPY are derived from here.
import { readdirSync, readFileSync } from 'node:fs'
import { z } from 'zod'
import { SynclineError } from '../platform/errors.ts'
import { nearestNames } from '../platform/suggest.ts'

const primitiveSchema = z.enum(['string', 'boolean', 'int', 'long', 'double'])

const typeSchema = z.union([
  primitiveSchema,
  z.strictObject({ type: primitiveSchema, logicalType: z.enum(['uuid', 'date', 'timestamp-millis']) }),
  z.strictObject({ type: z.literal('map'), values: z.literal('string') }),
])

const fieldSchema = z.strictObject({
  name: z.string().regex(/^[a-z][a-zA-Z0-9]*$/),
  type: z.union([typeSchema, z.tuple([z.literal('null'), typeSchema])]),
  default: z.union([z.null(), z.strictObject({})]).optional(),
  doc: z.string().min(1),
  /** Ours; Avro ignores it. `column` is given where the snake_case of the name is a reserved word or reads badly. */
  syncline: z
    .strictObject({
      json: z.literal(true).optional(),
      references: z.string().optional(),
      edge: z.enum(['hard', 'soft']).optional(),
      column: z.string().optional(),
    })
    .default({}),
})

const recordSchema = z.strictObject({
  type: z.literal('record'),
  name: z.string(),
  namespace: z.literal('syncline.canonical'),
  doc: z.string().min(1),
  syncline: z.strictObject({ entity: z.string(), sourceUpdatedAt: z.boolean() }),
  fields: z.array(fieldSchema),
})

type CanonicalSchema = z.infer<typeof recordSchema>
export type CanonicalField = CanonicalSchema['fields'][number]

export type ColumnKind = 'text' | 'uuid' | 'boolean' | 'int' | 'bigint' | 'double' | 'date' | 'timestamp' | 'json'

export interface CanonicalColumn {
  /** Name in the Avro record. */
  readonly field: string
  /** Name in the table. */
  readonly column: string
  /** In the record: date is days since 1970, timestamp ms since 1970, json its text (customFields: a map of such texts). */
  readonly kind: ColumnKind
  readonly pgType: string
  /** hard: the table's foreign key. soft: an id without a constraint. */
  readonly references: { readonly entity: string; readonly edge: 'hard' | 'soft' } | null
}

export interface CommonColumn extends Omit<CanonicalColumn, 'field' | 'references'> {
  /** Null for what the sink sets: it is not in the record. */
  readonly field: string | null
  readonly notNull: boolean
}

export interface CanonicalEntity {
  /** kebab-case, as in `canonical.<entity>`. */
  readonly entity: string
  /** snake_case, without its schema. */
  readonly table: string
  readonly schema: CanonicalSchema
  /** The entity's own columns in the order of the schema, without the common ones. */
  readonly columns: readonly CanonicalColumn[]
  /** False: rows are ordered by observed_at alone (invariant 5). */
  readonly hasSourceUpdatedAt: boolean
}

const PG_TYPES: Readonly<Record<ColumnKind, string>> = {
  text: 'text',
  uuid: 'uuid',
  boolean: 'boolean',
  int: 'integer',
  bigint: 'bigint',
  double: 'double precision',
  date: 'date',
  timestamp: 'timestamptz',
  json: 'jsonb',
}

const common = (field: string | null, column: string, kind: ColumnKind, notNull: boolean): CommonColumn => ({
  field,
  column,
  kind,
  pgType: PG_TYPES[kind],
  notNull,
})

/** Columns that every canonical table has besides its own. Only the key is NOT NULL. */
export const commonColumns: readonly CommonColumn[] = [
  common('id', 'id', 'uuid', true),
  common('orgId', 'org_id', 'text', true),
  common('source', 'source', 'text', false),
  common('externalId', 'external_id', 'text', false),
  common('sourceUpdatedAt', 'source_updated_at', 'timestamp', false),
  common('observedAt', 'observed_at', 'timestamp', false),
  common('mappingRevision', 'mapping_revision', 'int', false),
  common('customFields', 'custom_fields', 'json', false),
  common('deletedAt', 'deleted_at', 'timestamp', false),
  common(null, 'content_hash', 'uuid', false),
  common(null, 'first_run_id', 'uuid', false),
  common(null, 'last_changed_run_id', 'uuid', false),
]

const commonFields = new Set(commonColumns.flatMap((c) => (c.field === null ? [] : [c.field])))

export const isCommonField = (field: string): boolean => commonFields.has(field)

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

const LOGICAL_KINDS = { uuid: 'uuid', date: 'date', 'timestamp-millis': 'timestamp' } as const
const PRIMITIVE_KINDS = { string: 'text', boolean: 'boolean', int: 'int', long: 'bigint', double: 'double' } as const

const kindOf = ({ type, syncline }: CanonicalField): ColumnKind => {
  const inner = Array.isArray(type) ? type[1] : type
  if (syncline.json === true) return 'json'
  if (typeof inner === 'string') return PRIMITIVE_KINDS[inner]
  return inner.type === 'map' ? 'json' : LOGICAL_KINDS[inner.logicalType]
}

const columnOf = (field: CanonicalField): CanonicalColumn => {
  const kind = kindOf(field)
  const { references: entity, edge, column } = field.syncline
  return {
    field: field.name,
    column: column ?? snakeCase(field.name),
    kind,
    pgType: PG_TYPES[kind],
    references: entity === undefined || edge === undefined ? null : { entity, edge },
  }
}

const entityOf = (schema: CanonicalSchema): CanonicalEntity => ({
  entity: schema.syncline.entity,
  table: schema.syncline.entity.replaceAll('-', '_'),
  schema,
  columns: schema.fields.filter((field) => !commonFields.has(field.name)).map(columnOf),
  hasSourceUpdatedAt: schema.syncline.sourceUpdatedAt,
})

/** Columns that point to what the entity cannot be without, in the order of the schema. */
export const hardReferences = ({
  columns,
}: Pick<CanonicalEntity, 'columns'>): readonly (CanonicalColumn & { parent: string })[] =>
  columns.flatMap((column) => (column.references?.edge === 'hard' ? [{ ...column, parent: column.references.entity }] : []))

/** Each entity after those that its hard references name; otherwise by name. */
const parentsFirst = (entities: readonly CanonicalEntity[]): readonly CanonicalEntity[] => {
  const byName = new Map(entities.map((e) => [e.entity, e]))
  const ordered = new Set<CanonicalEntity>()
  const visit = (entity: CanonicalEntity): void => {
    for (const { references } of entity.columns) {
      const parent = references?.edge === 'hard' ? byName.get(references.entity) : undefined
      if (parent !== undefined && parent !== entity && !ordered.has(parent)) visit(parent)
    }
    ordered.add(entity)
  }
  for (const entity of entities) if (!ordered.has(entity)) visit(entity)
  return [...ordered]
}

const schemasFolder = new URL('./schemas/', import.meta.url)

const readSchemas = (): readonly CanonicalSchema[] =>
  readdirSync(schemasFolder)
    .filter((file) => file.endsWith('.avsc'))
    .sort()
    .map((file) => recordSchema.parse(JSON.parse(readFileSync(new URL(file, schemasFolder), 'utf8'))))

/** Every canonical entity, parents before children, so that tables can be made and merged in this order. */
export const canonicalEntities: readonly CanonicalEntity[] = parentsFirst(readSchemas().map(entityOf))

const byEntity = new Map(canonicalEntities.map((e) => [e.entity, e]))

/** Throws SynclineError('usage') naming the nearest valid names. */
export const canonicalEntity = (entity: string): CanonicalEntity => {
  const found = byEntity.get(entity)
  if (found !== undefined) return found
  throw new SynclineError('usage', `There is no canonical entity '${entity}'`, {
    remedy: `Nearest: ${nearestNames(entity, [...byEntity.keys()]).join(', ')}`,
  })
}
