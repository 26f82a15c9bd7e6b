// What a run that was asked for is made of: reads what a delta goes on from, and plans (manifests/plan.ts).
import { databaseTime } from '../ledger/database-time.ts'
import type { Run } from '../ledger/runs.ts'
import { watermarksOf } from '../ledger/watermarks.ts'
import type { Manifest } from '../manifests/manifest.ts'
import { type EntityPlan, planEntities, type Reading } from '../manifests/plan.ts'
import { SynclineError } from '../platform/errors.ts'
import type { Queryable } from '../platform/postgres.ts'

type Asked = Pick<Run, 'orgId' | 'source' | 'strategy' | 'selection' | 'changedSince' | 'approves'>

export interface PlanDeps {
  readonly client: Queryable
  readonly manifest: Manifest
  /** How far before its watermark a delta begins. */
  readonly lookBackMs: number
}

const readingOf = async ({ client, lookBackMs }: PlanDeps, run: Asked): Promise<Reading> => {
  if (run.strategy !== 'delta') return { strategy: run.strategy }
  const [watermarks, now] = [await watermarksOf(client, run), await databaseTime(client)]
  return { strategy: 'delta', base: { watermarks, now, lookBackMs, since: run.changedSince } }
}

/** Changes nothing. Throws SynclineError('usage') when there is nothing to do, or for an entity that the manifest does not have. */
export const planAsked = async (deps: PlanDeps, run: Asked): Promise<readonly EntityPlan[]> => {
  const plan = planEntities(deps.manifest, run.selection, await readingOf(deps, run))
  // What was approved is of these entities alone.
  const entities = run.approves === null ? plan : plan.filter(({ entity }) => run.selection.includes(entity))
  if (entities.length > 0) return entities
  throw new SynclineError('usage', `A ${run.strategy} run reads nothing of: ${run.selection.join(', ')}`, {
    remedy: 'Choose other entities, or another strategy.',
  })
}
