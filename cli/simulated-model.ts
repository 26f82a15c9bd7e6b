// A simulator's model against the tables: what a full sync of a simulated organisation must end with.
import type { Manifest } from '../manifests/manifest.ts'
import type { Pool } from '../platform/postgres.ts'
import type { Model } from '../simulator/model.ts'
import { canonicalOf, compareTable, type Difference, type Owner } from './compare.ts'

// The simulator's entities are declared apart from the manifest's on purpose; they have the same names.
type SimulatedEntity = Parameters<Model['rows']>[0]

/** Memberships of households are derived from the pairs on the households' pages: those tell neither their id nor `pending`. */
function* derivedRows(rows: ReturnType<Model['rows']>): Iterable<unknown> {
  for (const { type, attributes, relationships } of rows) {
    yield { type, attributes: { person_name: attributes['person_name'] }, relationships }
  }
}

export const compareWithModel = async (
  pool: Pool,
  manifest: Manifest,
  owner: Owner,
  model: Model,
): Promise<readonly Difference[]> => {
  const differences: Difference[] = []
  for (const { entity, carriedBy } of manifest.definitions) {
    const rows = model.rows(entity as SimulatedEntity)
    const expected = canonicalOf(manifest, entity, owner, carriedBy?.how === 'derived' ? derivedRows(rows) : rows)
    differences.push(await compareTable(pool, owner, entity, expected))
  }
  return differences
}
