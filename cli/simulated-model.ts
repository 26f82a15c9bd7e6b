// A simulator's model against the tables: what a full sync of a simulated organisation must end with.
import type { Manifest } from '../manifests/manifest.ts'
import type { Pool } from '../platform/postgres.ts'
import type { Model } from '../simulator/model.ts'
import type { CanonicalRecord } from '../topics/canonical-codec.ts'
import { canonicalOf, compareTable, type Difference, type Owner } from './compare.ts'

// The simulator's entities are declared apart from the manifest's on purpose; they have the same names.
type SimulatedEntity = Parameters<Model['rows']>[0]

/** Memberships of households are derived from the pairs on the households' pages: those tell neither their id nor `pending`. */
function* derivedRows(rows: ReturnType<Model['rows']>): Iterable<unknown> {
  for (const { type, attributes, relationships } of rows) {
    yield { type, attributes: { person_name: attributes['person_name'] }, relationships }
  }
}

/** Records of a model as the canonical records that a sync makes of them. */
export const canonicalOfModel = (
  manifest: Manifest,
  entity: string,
  owner: Owner,
  rows: ReturnType<Model['rows']>,
): Iterable<CanonicalRecord> => {
  const isDerived = manifest.get(entity).carriedBy?.how === 'derived'
  return canonicalOf(manifest, entity, owner, isDerived ? derivedRows(rows) : rows)
}

export const compareWithModel = async (
  pool: Pool,
  manifest: Manifest,
  owner: Owner,
  model: Model,
): Promise<readonly Difference[]> => {
  const differences: Difference[] = []
  for (const { entity, canonical } of manifest.definitions) {
    // Records about another entity's rows have none.
    if (canonical.entity !== entity) continue
    const expected = canonicalOfModel(manifest, entity, owner, model.rows(entity as SimulatedEntity))
    differences.push(await compareTable(pool, owner, entity, expected))
  }
  return differences
}
