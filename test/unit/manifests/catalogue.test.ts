// The catalogue is the vendor's own list of what its resources have (recorded 2025-03-20 for People, 2023-07-10 for Groups).
import { describe, expect, test } from 'vitest'
import { pcoCatalogue } from '../../../adapters/pco/catalogue.ts'
import type { DocumentedResource } from '../../../manifests/draft.ts'
import type { EntityDefinition } from '../../../manifests/manifest.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { canonicalEntity } from '../../../topics/canonical.ts'

const catalogue = pcoCatalogue()

const definitions: readonly EntityDefinition[] = pcoManifest.definitions

const resourceOf = ({ entity, module, resource }: EntityDefinition): DocumentedResource => {
  const found = catalogue.find((each) => each.module === module && each.type === resource.type)
  if (found === undefined) throw new Error(`The catalogue does not have ${entity}`)
  return found
}

/** `{household_id}` and `{id}` are the same place in a path. */
const shapeOf = (path: string): string => path.replaceAll(/\{[^}]*\}/g, '{}')

const endpointsOf = ({ endpoints: e }: EntityDefinition): readonly string[] => [
  ...(e.list === undefined ? [] : [`GET ${e.list}`]),
  ...Object.values(e.listBy ?? {}).map((path) => `GET ${path}`),
  ...(e.get === undefined ? [] : [`GET ${e.get}`]),
  ...(e.create === undefined ? [] : [`POST ${e.create}`]),
  ...(e.update === undefined ? [] : [`${e.update.method} ${e.update.path}`]),
  ...(e.delete === undefined ? [] : [`DELETE ${e.delete}`]),
]

describe.each(definitions.map((definition) => [definition.entity, definition] as const))('%s', (_, definition) => {
  const resource = resourceOf(definition)

  test('has every attribute of the catalogue and no other', () => {
    // Outside of a membership of a household, the id is the resource's and no attribute.
    const expected = Object.keys(resource.attributes).filter(
      (name) => name !== 'id' || definition.entity === 'household-membership',
    )
    expect(Object.keys(definition.attributes.shape).sort()).toEqual(expected.sort())
  })

  test('has every relationship of the catalogue', () => {
    for (const { name, type, cardinality } of resource.relationships) {
      expect(definition.relationships[name]).toMatchObject({ type, cardinality: cardinality === 'to_one' ? 'one' : 'many' })
    }
  })

  test('can include, order and filter by what the catalogue says', () => {
    expect([...definition.includes].sort()).toEqual([...resource.include].sort())
    expect([...definition.orderable].sort()).toEqual([...resource.order].sort())
    expect([...definition.queryable].sort()).toEqual([...resource.query].sort())
  })

  test('has no path that the catalogue does not know', () => {
    const known = new Set(resource.endpoints.map(shapeOf))
    expect(
      endpointsOf(definition)
        .map(shapeOf)
        .filter((endpoint) => !known.has(endpoint)),
    ).toEqual([])
  })

  test('maps a record without attributes to nulls in every field, and to no other', () => {
    const record = { entity: definition.entity, externalId: '1', attributes: {}, related: {}, raw: {} }
    const { fields } = definition.canonical.map(definition.attributes.parse({}), record, { ref: () => null })
    const columns = canonicalEntity(definition.canonical.entity).columns.map(({ field }) => field)
    expect(Object.keys(fields).sort()).toEqual([...columns].sort())
    expect(Object.values(fields).every((value) => value === null)).toBe(true)
  })
})

// Records about another entity's rows have no fields of their own.
const own = definitions.filter(({ entity, canonical }) => canonical.entity === entity)

describe.each(own.map((definition) => [definition.entity, definition] as const))('%s, in canonical form,', (_, definition) => {
  const resource = resourceOf(definition)

  test('has a canonical field for every attribute', () => {
    const fields = new Set(canonicalEntity(definition.canonical.entity).columns.map(({ field }) => field))
    const renamed: Readonly<Record<string, string>> = { id: 'membershipId' }
    const missing = Object.keys(definition.attributes.shape)
      .filter((name) => name !== 'updated_at')
      .map((name) => renamed[name] ?? name.replaceAll(/_([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase()))
      .filter((field) => !fields.has(field))
    expect(missing).toEqual([])
  })

  test('says that it has an updated_at exactly when it does', () => {
    const hasUpdatedAt = 'updated_at' in resource.attributes
    expect(canonicalEntity(definition.canonical.entity).hasSourceUpdatedAt).toBe(hasUpdatedAt)
    expect(definition.deltaField).toBe(hasUpdatedAt ? 'updated_at' : undefined)
  })
})
