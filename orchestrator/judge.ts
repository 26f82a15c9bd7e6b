// Whether an entity of a run has been read to its end: brings the evidence of the ledger together with the rules of proof.ts.
import type { EntityProgress } from '../ledger/entities.ts'
import { distinctIds, walkEvidence } from '../ledger/evidence.ts'
import type { Run } from '../ledger/runs.ts'
import type { Manifest } from '../manifests/manifest.ts'
import type { Pool } from '../platform/postgres.ts'
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
  entities: readonly EntityProgress[],
): Promise<Verdict> => {
  // It walked nothing, or was proven before rows were asked after.
  if (run.approves !== null || entity.reconciled) return PROVEN
  const deletes = isReconciled(run, manifestOf(run.adapter).get(entity.entity))
  const verdict = await judgeOwn(pool, run, entity, entities, deletes)
  const doubt = verdict.kind === 'proven' && deletes ? doubtOf(entity, entities) : undefined
  return doubt === undefined ? verdict : { kind: 'unproven', reason: doubt }
}

const judgeOwn = async (
  pool: Pool,
  { runId }: Run,
  entity: EntityProgress,
  entities: readonly EntityProgress[],
  deletes: boolean,
): Promise<Verdict> => {
  if (entity.carrier === null) {
    const proof: Proof = deletes
      ? { of: 'everyId', distinct: await distinctIds(pool, runId, entity.entity) }
      : { of: entity.changes === null ? 'everything' : 'changes' }
    return judgeWalk(await walkEvidence(pool, runId, entity.entity), proof)
  }
  const carrier = entities.find((candidate) => candidate.entity === entity.carrier)
  return carrier?.state === 'unproven' ? { kind: 'unproven', reason: `its carrier ${carrier.entity} is unproven` } : PROVEN
}
