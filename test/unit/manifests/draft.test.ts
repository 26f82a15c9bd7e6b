// What is drafted from the catalogue: a definition that a manifest takes, and the same as a file that is formatted. That the file
// compiles and loads is seen where it is written (test/services/discover.test.ts).
import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { pcoCatalogue } from '../../../adapters/pco/catalogue.ts'
import { type DocumentedResource, type Draft, definitionOf, draftOf } from '../../../manifests/draft.ts'
import { draftText } from '../../../manifests/draft-text.ts'
import { mkEntityManifest } from '../../../manifests/entity-manifest.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'

const resource = (more: Partial<DocumentedResource>): DocumentedResource => ({
  module: 'people',
  type: 'Thing',
  attributes: { id: 'primary_key', created_at: 'date_time', updated_at: 'date_time', size: 'array' },
  relationships: [],
  include: [],
  order: ['size', 'created_at', 'updated_at'],
  query: ['created_at', 'updated_at'],
  endpoints: ['GET /people/v2/things', 'GET /people/v2/things/{id}'],
  ...more,
})

const draftedOf = (...args: Parameters<typeof draftOf>): Draft => {
  const draft = draftOf(...args)
  if (draft === undefined) throw new Error('nothing was drafted')
  return draft
}

/** Those that the manifest has are drafted too: the more there are to load, the better. */
const drafts = pcoCatalogue().flatMap((each) => draftOf(pcoManifest, each) ?? [])

test('of everything in the catalogue a manifest is made', () => {
  const manifest = mkEntityManifest('pco', drafts.map(definitionOf))
  expect(manifest.definitions.map(({ entity }) => entity)).toEqual(
    expect.arrayContaining(['school-option', 'field-definition', 'group-type', 'tab', 'household-membership', 'event']),
  )
  expect(pcoCatalogue().filter((each) => draftOf(pcoManifest, each) === undefined)).toEqual([])
  expect(
    manifest.definitions
      .find(({ entity }) => entity === 'field-definition')
      ?.attributes.parse({ deleted_at: '1970-01-01T00:00:01Z', tab_id: 7 }),
  ).toMatchObject({
    deleted_at: 1_000,
    tab_id: '7',
  })
})

test.each(drafts.map((draft) => [draft.entity, draft] as const))('the file of %s is formatted', (_, draft) => {
  const text = draftText(pcoManifest, draft)
  const formatted = execFileSync('node_modules/.bin/biome', ['format', '--stdin-file-path=manifests/pco/drafted.ts'], {
    input: text,
  })
  expect(text).toBe(formatted.toString('utf8'))
})

describe('the way of paging', () => {
  test('is by a key that is ordered and filtered by, and only if both are trusted', () => {
    expect(draftedOf(pcoManifest, resource({}))).toMatchObject({
      paging: { kind: 'keyset', field: 'created_at' },
      deltaField: 'updated_at',
      strategies: { full: 'walk', delta: 'keyset' },
      attributes: { size: 'json', created_at: 'instant' },
    })
    const trusted = { orders: ['created_at', 'updated_at'], filters: ['updated_at'] }
    expect(draftedOf(pcoManifest, resource({}), trusted)).toMatchObject({
      paging: { kind: 'offset', order: 'created_at', mutable: false },
      orderable: ['created_at', 'updated_at'],
      queryable: ['updated_at'],
    })
    expect(draftedOf(pcoManifest, resource({}), { orders: ['size', 'updated_at'], filters: [] })).toMatchObject({
      paging: { kind: 'offset', order: 'size', mutable: true },
      strategies: { delta: 'walk-down' },
    })
    const untrusted = draftedOf(pcoManifest, resource({}), { orders: [], filters: [] })
    expect(untrusted).toMatchObject({ paging: { kind: 'offset', order: null }, strategies: { delta: 'full-and-hash' } })
    expect(untrusted).not.toHaveProperty('deltaField')
  })

  test('is below an entity of the manifest where there is no list, and not below what is no list of it', () => {
    const below = ['GET /people/v2/people/{person_id}/things', 'GET /people/v2/people/{person_id}/things/{id}']
    const other = ['GET /people/v2/households/{household_id}/thing']
    expect(draftedOf(pcoManifest, resource({ endpoints: [...other, ...below] }))).toMatchObject({
      endpoints: { listBy: { person: '/people/v2/people/{id}/things' } },
      paging: { kind: 'parents', parent: 'person' },
      strategies: { full: 'by-parent', delta: 'by-parent' },
    })
    expect(draftOf(pcoManifest, resource({ endpoints: other }))).toBeUndefined()
  })
})

test('a field is named by its attribute; a relationship refers to the row, or keeps the id of what there is no table for', () => {
  const relationships = [
    { name: 'person', type: 'Person', cardinality: 'to_one' },
    { name: 'tab', type: 'Tab', cardinality: 'to_one' },
    { name: 'kind', type: 'Kind', cardinality: 'to_one' },
    { name: 'others', type: 'Person', cardinality: 'to_many' },
  ] as const
  const text = draftText(
    pcoManifest,
    draftedOf(pcoManifest, resource({ relationships, attributes: { tab_id: 'primary_key', updated_at: 'date_time' } })),
  )
  expect(text).toContain("personId: ref('person', one(related['person']))")
  expect(text).toContain('tabId: a.tab_id')
  expect(text).toContain("kindExternalId: one(related['kind'])")
  expect(text).not.toMatch(/tabExternalId|others(Id|External)/)
  expect(text).toContain('sourceUpdatedAt: a.updated_at')
})
