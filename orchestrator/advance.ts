// One step of one run: reads its progress, decides, applies each decision as one guarded change.
import { changeEntity, type EntityProgress, entityProgress, requestSweep, walkEvidence } from '../ledger/entities.ts'
import { runReport } from '../ledger/report.ts'
import { endRun, type Run } from '../ledger/runs.ts'
import { messageOf } from '../platform/errors.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway, type Pool } from '../platform/postgres.ts'
import { type Decision, decide, decideEnd, hasEnded } from './decide.ts'
import { judgeWalk, type Verdict } from './proof.ts'
import { firstRanges, rangeOf } from './ranges.ts'

/** Advances the runs (all running) as far as they can go now; returns whether anything changed. */
export const advanceRuns = async (pool: Pool, runs: readonly Run[], log: Logger): Promise<boolean> => {
  if (runs.length === 0) return false
  const progress = await entityProgress(
    pool,
    runs.map((run) => run.runId),
  )
  let changed = false
  for (const run of runs) {
    try {
      changed = (await advanceRun(pool, run, progress.get(run.runId) ?? [], log)) || changed
    } catch (error) {
      if (isDatabaseAway(error)) throw error
      // One run's trouble is not another's; it is tried again with the next tick.
      log.error({ run: run.runId, org: run.orgId, reason: messageOf(error) }, 'run could not be advanced')
    }
  }
  return changed
}

const advanceRun = async (pool: Pool, run: Run, entities: readonly EntityProgress[], log: Logger): Promise<boolean> => {
  let changed = false
  for (const decision of decide(entities)) changed = (await apply(pool, run, entities, decision, log)) || changed
  return (await endIfDone(pool, run, entities, log)) || changed
}

const apply = async (
  pool: Pool,
  run: Run,
  entities: readonly EntityProgress[],
  decision: Decision,
  log: Logger,
): Promise<boolean> => {
  const entity = entities.find((candidate) => candidate.entity === decision.entity)
  if (entity === undefined) return false
  const { runId } = run
  switch (decision.kind) {
    case 'start':
      return changeEntity(pool, runId, entity.entity, {
        from: 'waiting',
        to: 'fetching',
        ranges: await firstRanges(pool, run, entity),
      })
    case 'landed':
      return changeEntity(pool, runId, entity.entity, { from: 'fetching', to: 'landing' })
    case 'sweep':
      await requestSweep(pool, runId, entity.entity)
      return true
    case 'judge':
      return applyVerdict(pool, run, entity, await judge(pool, run, entity, entities), log)
    default:
      log.warn({ run: runId, entity: entity.entity, code: decision.code, reason: decision.reason }, `entity ${decision.kind}`)
      return changeEntity(pool, runId, entity.entity, {
        from: decision.from,
        to: decision.kind === 'fail' ? 'failed' : 'skipped',
        reason: decision.reason,
        errorCode: decision.code,
      })
  }
}

const judge = async (pool: Pool, run: Run, entity: EntityProgress, entities: readonly EntityProgress[]): Promise<Verdict> => {
  if (entity.carrier === null) return judgeWalk(await walkEvidence(pool, run.runId, entity.entity))
  const carrier = entities.find((candidate) => candidate.entity === entity.carrier)
  return carrier?.state === 'unproven'
    ? { kind: 'unproven', reason: `its carrier ${carrier.entity} is unproven` }
    : { kind: 'proven' }
}

const applyVerdict = (pool: Pool, run: Run, entity: EntityProgress, verdict: Verdict, log: Logger): Promise<boolean> => {
  if (verdict.kind === 'proven') return changeEntity(pool, run.runId, entity.entity, { from: 'landing', to: 'closed' })
  if (verdict.kind === 'unproven') {
    log.warn({ run: run.runId, entity: entity.entity, reason: verdict.reason }, 'entity closes unproven')
    return changeEntity(pool, run.runId, entity.entity, { from: 'landing', to: 'unproven', reason: verdict.reason })
  }
  const ranges = [rangeOf(entity, verdict.walk)]
  return changeEntity(pool, run.runId, entity.entity, { from: 'landing', to: 'fetching', ranges })
}

const endIfDone = async (pool: Pool, run: Run, entities: readonly EntityProgress[], log: Logger): Promise<boolean> => {
  if (entities.length === 0 || !entities.every(hasEnded)) return false
  const report = await runReport(pool, run.runId)
  const sum = (outcome: 'dead' | 'parked') => report.reduce((total, entity) => total + entity[outcome], 0)
  const end = decideEnd(entities, { dead: sum('dead'), parked: sum('parked') })
  if (end === undefined || !(await endRun(pool, run.runId, end))) return false
  log.info({ run: run.runId, org: run.orgId, state: end.state, reason: end.reason ?? undefined }, 'run ended')
  return true
}
