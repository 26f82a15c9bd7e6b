// How the records of an entity are chosen and read for comparing them: a sample from both sides, or a sweep over all. An entity that
// comes on the pages of another in a sync is compared as it comes there where it is derived from them.

import { canonicalId } from '../manifests/identity.ts'
import type { EntityDefinition, Manifest, SourceRecord } from '../manifests/manifest.ts'
import { eachOf } from '../platform/each.ts'
import type { Queryable } from '../platform/postgres.ts'
import { type ApiReader, isReadableById, type ReadPage } from './api-reader.ts'
import type { Owner } from './compare.ts'
import type { Comparison } from './comparison.ts'
import { type TableContent, tableContent } from './table-content.ts'

export interface WayDeps {
  readonly pool: Queryable
  readonly owner: Owner
  readonly manifest: Manifest
  readonly reader: ApiReader
  readonly random: () => number
}

export interface Compared {
  readonly definition: EntityDefinition
  readonly table: TableContent
  readonly comparison: Comparison
}

/** Records read before they are compared in one go. */
const PORTION = 500
const CONCURRENCY = 4

/** Pages at random places of a list until about `wanted` records were read; all pages of a shorter one. */
const randomPages = async (
  { reader, random }: WayDeps,
  entity: string,
  carries: readonly string[],
  wanted: number,
  take: (page: ReadPage) => Promise<void>,
): Promise<void> => {
  const first = await reader.page(entity, carries, 0)
  const { size } = first
  const pages = size === 0 ? 0 : Math.ceil((first.total ?? size) / size)
  const count = Math.min(pages, Math.max(1, Math.ceil(wanted / Math.max(1, size))))
  const chosen = new Set<number>(count === pages ? Array.from({ length: pages }, (_, n) => n) : [])
  while (chosen.size < count) chosen.add(Math.floor(random() * pages))
  for (const n of chosen) await take(n === 0 ? first : await reader.page(entity, carries, n * size))
}

/** The first `limit` of the items in a random order. */
const someOf = <T>(items: readonly T[], limit: number, random: () => number): readonly T[] =>
  items
    .map((item) => ({ item, at: random() }))
    .sort((a, b) => a.at - b.at)
    .slice(0, limit)
    .map(({ item }) => item)

/** Compares about `wanted` records from each side. */
export const compareSample = (deps: WayDeps, compared: Compared, wanted: number): Promise<void> => {
  const { definition } = compared
  if (definition.carriedBy?.how === 'derived') return sampleDerived(deps, compared, definition.carriedBy.carrier, wanted)
  if (definition.paging.kind === 'parents') return sampleBelow(deps, compared, definition.paging.parent, wanted)
  return sampleListed(deps, compared, wanted)
}

const sampleListed = async (deps: WayDeps, { definition, table, comparison }: Compared, wanted: number): Promise<void> => {
  const { entity } = definition
  await randomPages(deps, entity, [], wanted, ({ records }) => comparison.records(records.get(entity) ?? []))
  if (!isReadableById(definition)) return
  const unseen = (await table.random(wanted)).filter(({ id }) => !comparison.isSeen(id))
  await eachOf(unseen, CONCURRENCY, async (key) => {
    const record = await deps.reader.one(entity, key.externalId)
    await (record === null ? comparison.missing([key]) : comparison.records([record]))
  })
}

/** All children of some parents: what a parent's list does not have and the table has is missing there. */
const sampleBelow = async (deps: WayDeps, compared: Compared, parent: string, wanted: number): Promise<void> => {
  const fromTable = await tableContent(deps.pool, deps.owner, deps.manifest.get(parent).canonical.entity).random(wanted)
  const ids = new Set(fromTable.map(({ externalId }) => externalId))
  await randomPages(deps, parent, [], wanted, async ({ records }) => {
    for (const { externalId } of records.get(parent) ?? []) if (externalId !== null) ids.add(externalId)
  })
  let read = 0
  for (const id of someOf([...ids], ids.size, deps.random)) {
    if (read >= wanted) return
    read += await compareBelow(deps, compared, parent, id)
  }
}

const compareBelow = async (deps: WayDeps, compared: Compared, parent: string, id: string): Promise<number> => {
  const { definition, comparison } = compared
  const records = await collect(deps.reader.list(definition.entity, { parent: { entity: parent, id } }))
  await comparison.records(records)
  await comparison.missing(await rowsBelow(deps, compared, parent, [id]))
  return Math.max(1, records.length)
}

const collect = async (records: AsyncIterable<SourceRecord>): Promise<readonly SourceRecord[]> => {
  const all: SourceRecord[] = []
  for await (const record of records) all.push(record)
  return all
}

const rowsBelow = ({ owner, manifest }: WayDeps, { table }: Compared, parent: string, ids: readonly string[]) => {
  const { entity } = manifest.get(parent).canonical
  const column = table.entity.columns.find(({ references }) => references?.entity === entity && references.edge === 'hard')
  const parents = ids.map((id) => canonicalId(owner.orgId, owner.source, entity, id))
  return column === undefined ? Promise.resolve([]) : table.below(column.column, parents)
}

/** Pages of the carrier tell all that is derived from their records. */
const sampleDerived = (deps: WayDeps, compared: Compared, carrier: string, wanted: number): Promise<void> => {
  const { definition, comparison } = compared
  return randomPages(deps, carrier, [definition.entity], wanted, async ({ records }) => {
    await comparison.records(records.get(definition.entity) ?? [])
    const ids = (records.get(carrier) ?? []).flatMap(({ externalId }) => externalId ?? [])
    await comparison.missing(await rowsBelow(deps, compared, carrier, ids))
  })
}

/** Compares every record that the walks show, then the rows that none has shown. What comes on another's pages costs no walk. */
export const compareAll = async (deps: WayDeps, all: readonly Compared[]): Promise<void> => {
  const selected = new Set(all.map(({ definition }) => definition.entity))
  const walked = new Map<string, Compared[]>()
  for (const compared of all) {
    const { entity, carriedBy } = compared.definition
    const isCarried = carriedBy !== undefined && (carriedBy.how === 'derived' || selected.has(carriedBy.carrier))
    const by = isCarried ? carriedBy.carrier : entity
    walked.set(by, [...(walked.get(by) ?? []), compared])
  }
  for (const [entity, wanted] of walked) await sweep(deps, entity, wanted)
}

const sweep = async (deps: WayDeps, entity: string, wanted: readonly Compared[]): Promise<void> => {
  const portions = new Map(wanted.map((compared): [string, SourceRecord[]] => [compared.definition.entity, []]))
  const carries = [...portions.keys()].filter((name) => name !== entity)
  const compareSome = async (least: number): Promise<void> => {
    for (const { definition, comparison } of wanted) {
      const portion = portions.get(definition.entity) ?? []
      if (portion.length >= least) await comparison.records(portion.splice(0))
    }
  }
  for await (const record of everyRecord(deps, entity, carries)) {
    const portion = portions.get(record.entity)
    portion?.push(record)
    if (portion?.length === PORTION) await compareSome(PORTION)
  }
  await compareSome(1)
  for (const { table, comparison } of wanted) for await (const keys of table.all()) await comparison.missing(keys)
}

async function* everyRecord(
  { reader, manifest }: WayDeps,
  entity: string,
  carries: readonly string[],
): AsyncGenerator<SourceRecord, void> {
  const { paging } = manifest.get(entity)
  if (paging.kind !== 'parents') return yield* reader.list(entity, { carries })
  for await (const { externalId: id } of reader.list(paging.parent)) {
    if (id !== null) yield* reader.list(entity, { parent: { entity: paging.parent, id } })
  }
}
