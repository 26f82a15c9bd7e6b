import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { entityGraph } from '../../../manifests/graph.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { canonicalEntities, canonicalEntity, commonColumns, isCommonField } from '../../../topics/canonical.ts'
import { canonicalPage, canonicalTypes } from '../../../topics/canonical-text.ts'

const fileOf = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), 'utf8')

/** Reserved in PostgreSQL 18 (appendix C) and words that people write as names of columns. */
const RESERVED = new Set(
  'all analyse analyze and any array as asc both case cast check collate column constraint create default desc distinct do else end except false fetch for foreign from grant group having in initially intersect into lateral leading limit not null offset on only or order placing primary references returning select some symmetric system_user table then to trailing true union unique user using variadic when where window with'.split(
    ' ',
  ),
)

describe('what is derived from the schemas is up to date (npm run generate)', () => {
  test('the TypeScript types', () =>
    expect(fileOf('topics/generated/canonical-types.ts')).toBe(canonicalTypes(canonicalEntities)))
  test('the reference page', () => expect(fileOf('docs/canonical.md')).toBe(canonicalPage(canonicalEntities)))
})

describe.each(canonicalEntities.map((entity) => [entity.entity, entity] as const))('the schema of %s', (_, entity) => {
  test('begins with the common fields, the same in every schema', () => {
    const [first] = canonicalEntities
    const count = commonColumns.filter(({ field }) => field !== null).length
    expect(entity.schema.fields.slice(0, count)).toEqual(first?.schema.fields.slice(0, count))
    expect(entity.schema.fields.slice(0, count).every(({ name }) => isCommonField(name))).toBe(true)
  })

  test('lets every other field be null, null by default, so that a tombstone can be written and a field be dropped', () => {
    for (const field of entity.schema.fields.filter(({ name }) => !isCommonField(name))) {
      expect(field).toMatchObject({ type: ['null', expect.anything()], default: null })
    }
  })

  test('gives every column a name of its own that needs no quotes', () => {
    const columns = [...commonColumns, ...entity.columns].map(({ column }) => column)
    expect(new Set(columns).size).toBe(columns.length)
    expect(columns.filter((column) => RESERVED.has(column) || !/^[a-z][a-z0-9_]{0,62}$/.test(column))).toEqual([])
  })

  test('refers only to entities that exist, and says whether the reference is hard', () => {
    for (const { references, kind } of entity.columns) {
      if (references === null) continue
      expect(kind).toBe('uuid')
      expect(canonicalEntity(references.entity).entity).toBe(references.entity)
    }
    const marked = entity.schema.fields.filter(({ syncline }) => syncline.references !== undefined || syncline.edge !== undefined)
    expect(marked).toHaveLength(entity.columns.filter(({ references }) => references !== null).length)
  })

  test('has a foreign key exactly where the manifest has a hard edge', () => {
    const keys = entity.columns.flatMap(({ references }) => (references?.edge === 'hard' ? [references.entity] : []))
    const edges = entityGraph(pcoManifest).edges.filter(({ from, kind }) => from === entity.entity && kind === 'hard')
    expect(keys.sort()).toEqual(edges.map(({ to }) => to).sort())
  })
})

test('every entity of the manifest has a schema, and every schema an entity', () => {
  expect(canonicalEntities.map(({ entity }) => entity).sort()).toEqual(
    [...new Set(pcoManifest.definitions.map(({ canonical }) => canonical.entity))].sort(),
  )
})

test('parents come before their children', () => {
  const seen = new Set<string>()
  for (const { entity, columns } of canonicalEntities) {
    for (const { references } of columns) if (references?.edge === 'hard') expect(seen).toContain(references.entity)
    seen.add(entity)
  }
})

test('kinds and columns follow from the schema', () => {
  const { table, columns } = canonicalEntity('phone-number')
  expect(table).toBe('phone_number')
  expect(columns.find(({ field }) => field === 'personId')).toEqual({
    field: 'personId',
    column: 'person_id',
    kind: 'uuid',
    pgType: 'uuid',
    references: { entity: 'person', edge: 'hard' },
  })
  expect(columns.find(({ field }) => field === 'primary')?.column).toBe('is_primary')
  const person = new Map(canonicalEntity('person').columns.map(({ field, pgType }) => [field, pgType]))
  expect(['birthdate', 'createdAt', 'grade', 'child', 'directorySharedInfo'].map((field) => person.get(field))).toEqual([
    'date',
    'timestamptz',
    'integer',
    'boolean',
    'jsonb',
  ])
})

test('an unknown entity is a usage error with the nearest valid names', () => {
  expect(() => canonicalEntity('persn')).toThrow(
    expect.objectContaining({ code: 'usage', remedy: expect.stringContaining('person') }),
  )
})
