// Whether an entity of a run has been read to its end: brings the evidence of the ledger together with the rules of proof.ts.
import { distinctIds, type RangeEvidence } from '../ledger/evidence.ts'
import type { EntityProgress } from '../ledger/progress.ts'
import type { Run } from '../ledger/runs.ts'
import type { Manifest } from '../manifests/manifest.ts'
import type { Pool } from '../platform/postgres.ts'
import type { ByName } from './decide.ts'
import { doubtOf, judgeWalk, PROVEN, type Proof, type Verdict } from './proof.ts'
import { isReconciled } from './reconcile.ts'

interface JudgeDeps {
  readonly pool: Pool
  readonly manifestOf: (adapter: string) => Manifest
}

/** A walk is judged by what it has shown; a carried entity by its carrier; what was judged before rows were asked after, not again. */
export const judgeEntity = async (
  { pool, manifestOf }: JudgeDeps,
  run: Run,
  entity: EntityProgress,
  { all, evidence }: { readonly all: ByName; readonly evidence: readonly RangeEvidence[] },
): Promise<Verdict> => {
  // It walked nothing, or was proven before rows were asked after.
  if (run.approves !== null || entity.reconciled) return PROVEN
  const deletes = isReconciled(run, manifestOf(run.adapter).get(entity.entity))
  const verdict =
    entity.carrier === null
      ? judgeWalk(evidence, await proofOf(pool, run, entity, deletes))
      : judgeCarried(all.get(entity.carrier))
  const doubt = verdict.kind === 'proven' && deletes ? doubtOf(entity, all) : undefined
  return doubt === undefined ? verdict : { kind: 'unproven', reason: doubt }
}

const proofOf = async (pool: Pool, { runId }: Run, { entity, changes }: EntityProgress, deletes: boolean): Promise<Proof> =>
  deletes
    ? { of: 'everyId', distinct: await distinctIds(pool, runId, entity) }
    : { of: changes === null ? 'everything' : 'changes' }

const judgeCarried = (carrier: EntityProgress | undefined): Verdict =>
  carrier?.state === 'unproven' ? { kind: 'unproven', reason: `its carrier ${carrier.entity} is unproven` } : PROVEN
