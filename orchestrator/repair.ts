// Parents that parked rows wait for, asked for by id before their children close: at most 500 of an entity, once in a run.

import { type MissingParent, missingParents, repairedParents } from '../ledger/parked.ts'
import type { EntityProgress } from '../ledger/progress.ts'
import type { NewRange } from '../ledger/ranges.ts'
import { type Reopened, repairOnce } from '../ledger/repair.ts'
import type { Run } from '../ledger/runs.ts'
import { hasPathById } from '../manifests/by-id.ts'
import type { Manifest } from '../manifests/manifest.ts'
import type { Pool } from '../platform/postgres.ts'
import { rangeOf } from './ranges.ts'

const MAX_PARENTS = 500
/** Missing parents looked at: several children may wait for the same ones. */
const MAX_LOOKED_AT = 10_000

/** Entities of the run that have ended, and of which the API gives one record by its id. */
const repairable = (manifest: Manifest, entities: readonly EntityProgress[]): readonly EntityProgress[] =>
  entities.filter(
    ({ entity, state }) =>
      (state === 'closed' || state === 'unproven') && manifest.has(entity) && hasPathById(manifest.get(entity)),
  )

/** One range a parent entity. What is a dead letter of this run, or was asked for before, is not asked for again. Pure. */
export const repairRanges = (
  parents: readonly EntityProgress[],
  missing: readonly Pick<MissingParent, 'parent' | 'externalId' | 'status'>[],
): readonly NewRange[] =>
  parents.flatMap((parent) => {
    const wanted = missing.filter((one) => one.parent === parent.entity && one.status === 'unasked')
    const ids = [...new Set(wanted.flatMap(({ externalId }) => externalId ?? []))].slice(0, MAX_PARENTS)
    return ids.length === 0 ? [] : [rangeOf(parent, { kind: 'ids', ids })]
  })

/** Undefined: another leader was first, nothing was done. Empty: there is nothing that can be asked for; the children close. */
export const openRepair = (
  pool: Pool,
  manifest: Manifest,
  run: Run,
  entities: readonly EntityProgress[],
  children: readonly string[],
): Promise<readonly Reopened[] | undefined> =>
  repairOnce(pool, run.runId, children, async (client) => {
    const before = await repairedParents(client, run.runId)
    const parents = repairable(manifest, entities).filter(({ entity }) => !before.includes(entity))
    const among = { entities: children, parents: parents.map(({ entity }) => entity), limit: MAX_LOOKED_AT }
    return repairRanges(parents, (await missingParents(client, run, among)).parents)
  })
