// Rows that a proven walk of a reconciliation did not show: taken once for each entity, then asked after or parked. Deletes nothing.
import { type Decided, type DeletionLimit, decideDeletions } from '../ledger/deletions.ts'
import type { EntityProgress } from '../ledger/progress.ts'
import type { Run } from '../ledger/runs.ts'
import { canAskAfter } from '../manifests/by-id.ts'
import type { EntityDefinition } from '../manifests/manifest.ts'
import type { Pool } from '../platform/postgres.ts'
import { confirmRanges } from './ranges.ts'

/** Rows of this entity are looked for that are gone: they are its own, and the API can be asked for one. */
export const isReconciled = (run: Pick<Run, 'strategy' | 'approves'>, definition: EntityDefinition): boolean =>
  run.strategy === 'reconcile' &&
  run.approves === null &&
  definition.canonical.entity === definition.entity &&
  canAskAfter(definition)

/** Undefined: another leader was first, nothing was done. */
export const reconcileEntity = (
  pool: Pool,
  run: Run,
  entity: EntityProgress,
  { definition, limit }: { definition: EntityDefinition; limit: DeletionLimit },
): Promise<Decided | undefined> =>
  decideDeletions(pool, run, entity.entity, {
    limit,
    rangesOf: (rows) => confirmRanges(definition, rows),
  })
