// Records against rows, portion by portion: what does not agree is looked at once more before it counts.
import { expect, it } from 'vitest'
import type { ApiReader } from '../../../cli/api-reader.ts'
import { type Content, contentOfRecord } from '../../../cli/compare-content.ts'
import { createComparison, hasDifferences } from '../../../cli/comparison.ts'
import type { TableContent } from '../../../cli/table-content.ts'
import type { SourceRecord } from '../../../manifests/manifest.ts'
import { mapRecord } from '../../../manifests/map.ts'
import { pcoManifest } from '../../../manifests/pco/index.ts'
import { canonicalEntity } from '../../../topics/canonical.ts'

const OWNER = { orgId: 'acme', source: 'pco' }
const definition = pcoManifest.get('person')
const entity = canonicalEntity('person')

const person = (id: string, attributes: Readonly<Record<string, unknown>> = {}): SourceRecord => ({
  entity: 'person',
  externalId: id,
  attributes: { updated_at: '2026-01-01T00:00:00Z', ...attributes },
  related: {},
  raw: {},
})

const contentFrom = (record: SourceRecord): Content => {
  const mapped = mapRecord(definition, record, { ...OWNER, observedAt: 0 })
  if (!mapped.ok) throw new Error(mapped.reason)
  return contentOfRecord(mapped.record, entity.columns)
}

/** A table and an API that hold these records; both may be changed while they are compared. */
const stage = (rows: readonly SourceRecord[], api: readonly SourceRecord[] = [], maxFindings = 10) => {
  const here = new Map(rows.map((row) => [contentFrom(row).id, contentFrom(row)]))
  const there = new Map(api.map((record) => [record.externalId, record]))
  const asked: string[] = []
  const none = () => Promise.reject(new Error('not asked for'))
  const table: TableContent = {
    entity,
    byIds: async (ids) => new Map(ids.flatMap((id) => (here.has(id) ? [[id, here.get(id) ?? contentFrom(person('0'))]] : []))),
    below: none,
    random: none,
    all: async function* () {},
    count: none,
  }
  const reader: ApiReader = {
    one: async (_, id) => {
      asked.push(id)
      return there.get(id) ?? null
    },
    page: none,
    list: async function* () {},
  }
  const comparison = createComparison({ owner: OWNER, definition, table, reader, syncedAt: Date.now(), maxFindings })
  return { comparison, asked, here }
}

it('what agrees costs no second look', async () => {
  const { comparison, asked } = stage([person('1'), person('2')])
  await comparison.records([person('1'), person('2')])
  expect(comparison.result()).toMatchObject({ compared: 2, verdicts: { equal: 2 }, findings: [] })
  expect(asked).toEqual([])
})

it('a record that was changed while we read is judged by a second look at both', async () => {
  const { comparison, asked } = stage([person('1', { nickname: 'new' })], [person('1', { nickname: 'new' })])
  await comparison.records([person('1', { nickname: 'old' })])
  expect(asked).toEqual(['1'])
  expect(comparison.result()).toMatchObject({ verdicts: { equal: 1, differs: 0 } })
})

it('a difference that stays is named by its columns', async () => {
  const { comparison } = stage([person('1', { nickname: 'a' })], [person('1', { nickname: 'b' })])
  await comparison.records([person('1', { nickname: 'b' })])
  const result = comparison.result()
  expect(hasDifferences(result)).toBe(true)
  expect(result.findings).toEqual([
    { externalId: '1', verdict: 'differs', columns: [{ column: 'nickname', here: 'a', there: 'b' }], reason: null },
  ])
})

it('a row that no page showed is only here if the API does not have it by its id either', async () => {
  const { comparison, here } = stage([person('1'), person('2')], [person('2')])
  const keys = [...here.values()].map(({ id, externalId }) => ({ id, externalId }))
  await comparison.missing(keys)
  expect(comparison.result()).toMatchObject({ compared: 2, verdicts: { 'only-here': 1, equal: 1 } })
})

it('a record on two pages counts once', async () => {
  const { comparison } = stage([person('1')])
  await comparison.records([person('1'), person('1')])
  await comparison.records([person('1')])
  expect(comparison.result().compared).toBe(1)
})

it('a record that cannot be mapped is a difference with its reason and without its value', async () => {
  const { comparison } = stage([])
  await comparison.records([person('1', { child: 'perhaps' })])
  const result = comparison.result()
  expect(hasDifferences(result)).toBe(true)
  expect(result.findings).toMatchObject([{ externalId: '1', verdict: 'unmapped' }])
  expect(result.findings[0]?.reason).toContain('child')
  expect(JSON.stringify(result)).not.toContain('perhaps')
})

it('its row is not taken for one that the API does not have', async () => {
  const { comparison, here } = stage([person('1')], [person('1', { child: 'perhaps' })])
  await comparison.records([person('1', { child: 'perhaps' })])
  await comparison.missing([...here.values()].map(({ id, externalId }) => ({ id, externalId })))
  expect(comparison.result()).toMatchObject({ compared: 1, verdicts: { unmapped: 1, 'only-here': 0 } })
})

it('where not all can be named, what is only newer gives way to what differs', async () => {
  const changed = person('9', { nickname: 'b' })
  const newer = [1, 2, 3].map((n) => person(String(n), { updated_at: '2030-01-01T00:00:00Z' }))
  const { comparison } = stage([person('9', { nickname: 'a' })], [...newer, changed], 2)
  await comparison.records([...newer, changed])
  const { findings, verdicts } = comparison.result()
  expect(verdicts).toMatchObject({ 'newer-there': 3, differs: 1 })
  expect(findings.map(({ verdict }) => verdict).sort()).toEqual(['differs', 'newer-there'])
  expect(hasDifferences({ verdicts: { ...verdicts, differs: 0 } })).toBe(false)
})
