// Fires what is due: one run per due time, though two may believe to lead; every step is guarded by the schedule's turn (ledger/schedules.ts).
import { type DueSchedule, dueSchedules, fireSchedule, holdDue, skipDue } from '../ledger/schedules.ts'
import type { Manifest } from '../manifests/manifest.ts'
import { isSynclineError, messageOf } from '../platform/errors.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway, type Pool } from '../platform/postgres.ts'
import { type DueDecision, decideDue, type Random } from './due.ts'

export interface ScheduleDeps {
  readonly pool: Pool
  /** The manifest of an adapter, by name; throws for an unknown one. */
  readonly manifestOf: (adapter: string) => Manifest
  readonly log: Logger
  readonly random?: Random
}

/** Looked at in one go; what is due longest comes first. */
const MAX_DUE = 200
const TROUBLE_MS = 60_000

/** Fires, skips or puts off each schedule that is due; returns how many fired. Throws when PostgreSQL is away. */
export const fireDueSchedules = async (deps: ScheduleDeps): Promise<number> => {
  let fired = 0
  for (const schedule of await dueSchedules(deps.pool, MAX_DUE)) {
    try {
      fired += (await settleDue(deps, schedule)) ? 1 : 0
    } catch (error) {
      if (isDatabaseAway(error)) throw error
      await putOff(deps, schedule, error)
    }
  }
  return fired
}

const factsOf = ({ orgId, source, name, strategy, dueAt }: DueSchedule) => ({
  org: orgId,
  source,
  schedule: name,
  strategy,
  dueAt,
})

/** One schedule's trouble is not another's: it is looked at again after a while, and says meanwhile what it waits for. */
const putOff = async ({ pool, log }: ScheduleDeps, schedule: DueSchedule, error: unknown): Promise<void> => {
  const reason = messageOf(error)
  log.error({ ...factsOf(schedule), reason }, 'schedule could not fire, again later')
  await holdDue(pool, schedule, new Date(schedule.now.getTime() + TROUBLE_MS), reason)
}

/** True: its run is asked for. */
const settleDue = async (deps: ScheduleDeps, schedule: DueSchedule): Promise<boolean> => {
  const decision = decideDue(schedule, deps.random ?? Math.random)
  if (decision.kind !== 'fire') {
    await apply(deps, schedule, decision)
    return false
  }
  const { manifestOf, pool, log } = deps
  const selection = schedule.selection ?? manifestOf(schedule.adapter).definitions.map(({ entity }) => entity)
  try {
    const runId = await fireSchedule(pool, schedule, { strategy: decision.strategy, selection }, decision.next)
    if (runId === undefined) return false
    log.info({ ...factsOf(schedule), run: runId, next: decision.next.dueAt }, 'schedule fired')
    return true
  } catch (error) {
    // Paused since we looked: it is not due any more.
    if (isSynclineError(error, 'paused')) return false
    // Another run began since we looked.
    if (!isSynclineError(error, 'already-running')) throw error
    const busy = decideDue({ ...schedule, busyRunId: schedule.busyRunId ?? 'that began just now' }, deps.random ?? Math.random)
    if (busy.kind !== 'fire') await apply(deps, schedule, busy)
    return false
  }
}

const apply = async (
  { pool, log }: ScheduleDeps,
  schedule: DueSchedule,
  decision: Exclude<DueDecision, { kind: 'fire' }>,
): Promise<void> => {
  const { reason } = decision
  if (decision.kind === 'skip') {
    const skipped = await skipDue(pool, schedule, decision.next, reason)
    if (skipped) log.warn({ ...factsOf(schedule), reason, next: decision.next.dueAt }, 'schedule skipped a due time')
    return
  }
  const held = await holdDue(pool, schedule, decision.until, reason)
  // Told once, and not each time it is looked at again.
  if (held && schedule.waitingFor !== reason) log.info({ ...factsOf(schedule), reason, until: decision.until }, 'schedule waits')
}
