// One step of one run: reads its progress, decides, applies each decision as one guarded change, and tells what has changed.
import { type DeletionLimit, reconciliationsOf } from '../ledger/deletions.ts'
import { changeEntity, type EntityChange, type EntityProgress, entityProgress, requestSweep } from '../ledger/entities.ts'
import { dropFetchedAnew } from '../ledger/oversized-letters.ts'
import { readyForRepair } from '../ledger/repair.ts'
import { runReport } from '../ledger/report.ts'
import { endRun, type Run } from '../ledger/runs.ts'
import type { EntityDefinition, Manifest } from '../manifests/manifest.ts'
import { messageOf } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway, type Pool } from '../platform/postgres.ts'
import type { SyncEvent } from '../topics/events.ts'
import { type Decision, decide, decideEnd, decideRepair, hasEnded } from './decide.ts'
import { judgeEntity } from './judge.ts'
import type { Verdict } from './proof.ts'
import { firstRanges, walkRange } from './ranges.ts'
import { isReconciled, reconcileEntity } from './reconcile.ts'
import { openRepair } from './repair.ts'

export interface AdvanceDeps {
  readonly pool: Pool
  /** The manifest of an adapter, by name; throws for an unknown one. */
  readonly manifestOf: (adapter: string) => Manifest
  /** So many rows of an entity may be deleted by a reconciliation without an approval. */
  readonly deletions: DeletionLimit
  readonly log: Logger
  /** Called with each change after it was committed. */
  readonly tell: (event: SyncEvent) => void
}

/** Advances the runs (all running) as far as they can go now; returns whether anything changed. */
export const advanceRuns = async (deps: AdvanceDeps, runs: readonly Run[]): Promise<boolean> => {
  if (runs.length === 0) return false
  const progress = await entityProgress(
    deps.pool,
    runs.map((run) => run.runId),
  )
  let changed = false
  for (const run of runs) {
    try {
      changed = (await advanceRun(deps, run, progress.get(run.runId) ?? [])) || changed
    } catch (error) {
      if (isDatabaseAway(error)) throw error
      // One run's trouble is not another's; it is tried again with the next tick.
      deps.log.error({ run: run.runId, org: run.orgId, reason: messageOf(error) }, 'run could not be advanced')
    }
  }
  return changed
}

const advanceRun = async (deps: AdvanceDeps, run: Run, entities: readonly EntityProgress[]): Promise<boolean> => {
  let changed = false
  for (const decision of decide(entities)) changed = (await apply(deps, run, entities, decision)) || changed
  const children = decideRepair(entities)
  if (children.length > 0) changed = (await repair(deps, run, entities, children)) || changed
  return (await endIfDone(deps, run, entities)) || changed
}

const factsOf = ({ runId, orgId, source }: Run) => ({ at: new Date().toISOString(), runId, orgId, source })

export const runEvent = (run: Run, state: Extract<SyncEvent, { type: 'run' }>['state'], reason: string | null): SyncEvent => ({
  type: 'run',
  ...factsOf(run),
  strategy: run.strategy,
  state,
  reason,
})

const REPAIR_REASON = 'missing parents are fetched by id'

type NextState = Extract<SyncEvent, { type: 'entity' }>['state']

const change = async (
  { pool, tell }: AdvanceDeps,
  run: Run,
  entity: string,
  how: EntityChange & { readonly to: NextState },
): Promise<boolean> => {
  if (!(await changeEntity(pool, run.runId, entity, how))) return false
  tell({ type: 'entity', ...factsOf(run), entity, state: how.to, reason: how.reason ?? null })
  return true
}

const apply = async (deps: AdvanceDeps, run: Run, entities: readonly EntityProgress[], decision: Decision): Promise<boolean> => {
  const { pool, log } = deps
  const entity = entities.find((candidate) => candidate.entity === decision.entity)
  if (entity === undefined) return false
  switch (decision.kind) {
    case 'start':
      return start(deps, run, entity)
    case 'landed':
      return change(deps, run, entity.entity, { from: 'fetching', to: 'landing' })
    case 'sweep':
      await requestSweep(pool, run.runId, entity.entity)
      return true
    case 'judge':
      return applyVerdict(deps, run, entity, await judgeEntity(deps, run, entity, entities))
    default:
      log.warn({ run: run.runId, entity: entity.entity, code: decision.code, reason: decision.reason }, `entity ${decision.kind}`)
      return change(deps, run, entity.entity, {
        from: decision.from,
        to: decision.kind === 'fail' ? 'failed' : 'skipped',
        reason: decision.reason,
        errorCode: decision.code,
      })
  }
}

const start = async (deps: AdvanceDeps, run: Run, entity: EntityProgress): Promise<boolean> => {
  const ranges = await firstRanges(deps.pool, run, entity, deps.manifestOf(run.adapter).get(entity.entity))
  return change(deps, run, entity.entity, { from: 'waiting', to: 'fetching', ranges })
}

const applyVerdict = async (deps: AdvanceDeps, run: Run, entity: EntityProgress, verdict: Verdict): Promise<boolean> => {
  if (verdict.kind !== 'more' && entity.parked > 0 && entity.repair === 'none') {
    return readyForRepair(deps.pool, run.runId, entity.entity)
  }
  if (verdict.kind === 'proven') {
    const definition = deps.manifestOf(run.adapter).get(entity.entity)
    return isReconciled(run, definition) && !entity.reconciled
      ? reconcile(deps, run, entity, definition)
      : closeEntity(deps, run, entity)
  }
  if (verdict.kind === 'unproven') {
    deps.log.warn({ run: run.runId, entity: entity.entity, reason: verdict.reason }, 'entity closes unproven')
    return change(deps, run, entity.entity, { from: 'landing', to: 'unproven', reason: verdict.reason })
  }
  const { walk, reason } = verdict
  return change(deps, run, entity.entity, { from: 'landing', to: 'fetching', reason, ranges: [walkRange(run, entity, walk)] })
}

const closeEntity = async (deps: AdvanceDeps, run: Run, { entity }: EntityProgress): Promise<boolean> => {
  const closed = await change(deps, run, entity, { from: 'landing', to: 'closed' })
  if (closed) await failpoint('orchestrate.after-close')
  // A leader that dies before this leaves it to the next full walk.
  if (closed) await dropFetchedAnew(deps.pool, run, entity)
  return closed
}

const reconcile = async (
  { pool, deletions, log, tell }: AdvanceDeps,
  run: Run,
  entity: EntityProgress,
  definition: EntityDefinition,
): Promise<boolean> => {
  const decided = await reconcileEntity(pool, run, entity, { definition, limit: deletions })
  if (decided === undefined) return false
  await failpoint('orchestrate.after-reconcile')
  const { missing, liveRows: live, allowed, state } = decided
  const facts = { run: run.runId, org: run.orgId, entity: entity.entity, missing, live, allowed }
  if (state === 'parked') log.warn(facts, 'more rows are missing than may be deleted: their deletion waits for an approval')
  else if (missing > 0) {
    log.info(facts, 'rows that were not shown are asked after')
    tell({
      type: 'entity',
      ...factsOf(run),
      entity: entity.entity,
      state: 'fetching',
      reason: `${missing} missing rows are asked after`,
    })
  }
  return true
}

/** Their missing parents, all in one step: who of two leaders comes second finds it done. */
const repair = async (
  { pool, log, manifestOf, tell }: AdvanceDeps,
  run: Run,
  entities: readonly EntityProgress[],
  children: readonly string[],
): Promise<boolean> => {
  const reopened = await openRepair(pool, manifestOf(run.adapter), run, entities, children)
  if (reopened === undefined) return false
  for (const { entity, state } of reopened) tell({ type: 'entity', ...factsOf(run), entity, state, reason: REPAIR_REASON })
  const facts = { run: run.runId, org: run.orgId, waiting: children, reopened: reopened.map(({ entity }) => entity) }
  log.info(facts, reopened.length > 0 ? 'missing parents are fetched by id' : 'no missing parent can be fetched by id')
  return true
}

const endIfDone = async ({ pool, log, tell }: AdvanceDeps, run: Run, entities: readonly EntityProgress[]): Promise<boolean> => {
  if (entities.length === 0 || !entities.every(hasEnded)) return false
  const report = await runReport(pool, run.runId)
  const sum = (outcome: 'dead' | 'parked') => report.reduce((total, entity) => total + entity[outcome], 0)
  const waiting = (await reconciliationsOf(pool, run.runId)).filter(({ state }) => state === 'parked')
  const deletions = waiting.reduce((total, { missing }) => total + missing, 0)
  const end = decideEnd(entities, { dead: sum('dead'), parked: sum('parked'), deletions })
  if (end === undefined || !(await endRun(pool, run.runId, end))) return false
  tell(runEvent(run, end.state, end.reason))
  log.info({ run: run.runId, org: run.orgId, state: end.state, reason: end.reason ?? undefined }, 'run ended')
  return true
}
