// One step of one run: reads its progress, decides, applies what was decided as guarded changes, and tells what has changed.
import { type DeletionLimit, reconciliationsOf } from '../ledger/deletions.ts'
import { changeEntities, type EntityChange, requestSweep } from '../ledger/entities.ts'
import { walkEvidence } from '../ledger/evidence.ts'
import { dropFetchedAnew } from '../ledger/oversized-letters.ts'
import { type EntityProgress, entityProgress, type Plans } from '../ledger/progress.ts'
import { readyForRepair } from '../ledger/repair.ts'
import { runReport } from '../ledger/report.ts'
import { endRun, type Run } from '../ledger/runs.ts'
import type { EntityDefinition, Manifest } from '../manifests/manifest.ts'
import { eachOf } from '../platform/each.ts'
import { messageOf } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway, type Pool } from '../platform/postgres.ts'
import type { SyncEvent } from '../topics/events.ts'
import { type ByName, byName, type Decision, decide, decideEnd, decideRepair, hasEnded } from './decide.ts'
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
  /** Of the running runs, kept by who calls. */
  readonly plans: Plans
  readonly log: Logger
  /** Called with each change after it was committed. */
  readonly tell: (event: SyncEvent) => void
}

/** A step is a few commits, each of which waits for the disk: side by side they share that. All roles of a process share its connections. */
export const RUNS_AT_ONCE = 4

/** A step of each of the runs (all running); returns those of which anything changed. */
export const advanceRuns = async (deps: AdvanceDeps, runs: readonly Run[]): Promise<readonly Run[]> => {
  if (runs.length === 0) return []
  const progress = await entityProgress(
    deps.pool,
    runs.map((run) => run.runId),
    deps.plans,
  )
  const changed: Run[] = []
  await eachOf(runs, RUNS_AT_ONCE, async (run) => {
    try {
      if (await advanceRun(deps, run, progress.get(run.runId) ?? [])) changed.push(run)
    } catch (error) {
      if (isDatabaseAway(error)) throw error
      // One run's trouble is not another's; it is tried again with the next tick.
      deps.log.error({ run: run.runId, org: run.orgId, reason: messageOf(error) }, 'run could not be advanced')
    }
  })
  return changed
}

const advanceRun = async (deps: AdvanceDeps, run: Run, entities: readonly EntityProgress[]): Promise<boolean> => {
  let changed = await apply(deps, run, byName(entities), decide(entities))
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

type Change = EntityChange & { readonly to: Extract<SyncEvent, { type: 'entity' }>['state'] }

/** What comes of a decision: a change of the entity's state, to be made with the others, or something done about it already, or not. */
type Step = Change | boolean

/** Everything that was decided; the changes of state in one transaction. */
const apply = async (deps: AdvanceDeps, run: Run, all: ByName, decisions: readonly Decision[]): Promise<boolean> => {
  if (decisions.length === 0) return false
  const judged = decisions.filter(({ kind, entity }) => kind === 'judge' && all.get(entity)?.carrier === null)
  const evidence = await walkEvidence(
    deps.pool,
    run.runId,
    judged.map(({ entity }) => entity),
  )
  const changes: Change[] = []
  let isDone = false
  for (const decision of decisions) {
    const entity = all.get(decision.entity)
    if (entity === undefined) continue
    const step =
      decision.kind === 'judge'
        ? await stepOfVerdict(
            deps,
            run,
            entity,
            await judgeEntity(deps, run, entity, { all, evidence: evidence.get(entity.entity) ?? [] }),
          )
        : await stepOf(deps, run, entity, decision)
    if (typeof step === 'object') changes.push(step)
    else isDone = step || isDone
  }
  return (await change(deps, run, changes)) || isDone
}

const change = async ({ pool, tell }: AdvanceDeps, run: Run, changes: readonly Change[]): Promise<boolean> => {
  if (changes.length === 0) return false
  const changed = await changeEntities(pool, run.runId, changes)
  const made = changes.filter(({ entity }) => changed.has(entity))
  for (const { entity, to, reason = null } of made) tell({ type: 'entity', ...factsOf(run), entity, state: to, reason })
  const closed = made.filter(({ to }) => to === 'closed').map(({ entity }) => entity)
  if (closed.length > 0) {
    await failpoint('orchestrate.after-close')
    // A leader that dies before this leaves it to the next full walk.
    await dropFetchedAnew(pool, run, closed)
  }
  return made.length > 0
}

const stepOf = async (
  { pool, log, manifestOf }: AdvanceDeps,
  run: Run,
  entity: EntityProgress,
  decision: Exclude<Decision, { kind: 'judge' }>,
): Promise<Step> => {
  const { entity: name } = entity
  switch (decision.kind) {
    case 'start': {
      const ranges = await firstRanges(pool, run, entity, manifestOf(run.adapter).get(name))
      return { entity: name, from: 'waiting', to: 'fetching', ranges }
    }
    case 'landed':
      return { entity: name, from: 'fetching', to: 'landing' }
    case 'sweep':
      await requestSweep(pool, run.runId, name)
      return true
    default: {
      const { kind, from, code, reason } = decision
      log.warn({ run: run.runId, entity: name, code, reason }, `entity ${kind}`)
      return { entity: name, from, to: kind === 'fail' ? 'failed' : 'skipped', reason, errorCode: code }
    }
  }
}

const stepOfVerdict = async (deps: AdvanceDeps, run: Run, entity: EntityProgress, verdict: Verdict): Promise<Step> => {
  const { entity: name } = entity
  if (verdict.kind !== 'more' && entity.parked > 0 && entity.repair === 'none') return readyForRepair(deps.pool, run.runId, name)
  if (verdict.kind === 'proven') {
    const definition = deps.manifestOf(run.adapter).get(name)
    if (isReconciled(run, definition) && !entity.reconciled) return reconcile(deps, run, entity, definition)
    return { entity: name, from: 'landing', to: 'closed' }
  }
  const { reason } = verdict
  if (verdict.kind === 'unproven') {
    deps.log.warn({ run: run.runId, entity: name, reason }, 'entity closes unproven')
    return { entity: name, from: 'landing', to: 'unproven', reason }
  }
  return { entity: name, from: 'landing', to: 'fetching', reason, ranges: [walkRange(run, entity, verdict.walk)] }
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
