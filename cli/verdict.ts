// Does the ledger of a run close? Judged from what is recorded, not from the state that the run was given. Pure.
import type { EntityReport } from '../ledger/report.ts'
import type { Run } from '../ledger/runs.ts'
import { count } from './words.ts'

/**
 * closed: every record of every page is accounted for. exceptions: so, but some died, are parked, or a walk is unproven. not-kept: its
 * pages are so old that the ledger has them no more, and nothing can be said.
 */
export interface Verdict {
  readonly verdict: 'closed' | 'exceptions' | 'open' | 'not-kept'
  readonly reasons: readonly string[]
}

const inState = (entities: readonly EntityReport[], state: EntityReport['state']): readonly string[] =>
  entities.filter((entity) => entity.state === state).map(({ entity }) => entity)

const NOT_CLOSED: readonly EntityReport['state'][] = ['failed', 'skipped', 'cancelled', 'fetching', 'landing', 'waiting']

const openReasons = (run: Pick<Run, 'state'>, entities: readonly EntityReport[], missingReceipts: number): readonly string[] => {
  const missing = entities.reduce((sum, entity) => sum + entity.missing, 0)
  const states = NOT_CLOSED.flatMap((state) => {
    const names = inState(entities, state)
    return names.length === 0 ? [] : [`${state}: ${names.join(', ')}`]
  })
  return [
    ...(entities.length === 0 ? [`the run is ${run.state}, no entity of it was begun`] : []),
    ...states,
    ...(missing === 0 ? [] : [`${count(missing, 'record')} of accepted pages without an outcome`]),
    ...(missingReceipts === 0 ? [] : [`${count(missingReceipts, 'page')} passed without a receipt`]),
  ]
}

const exceptionReasons = (entities: readonly EntityReport[]): readonly string[] => {
  const sum = (outcome: 'dead' | 'parked'): number => entities.reduce((total, entity) => total + entity[outcome], 0)
  const unproven = inState(entities, 'unproven')
  return [
    ...(sum('dead') === 0 ? [] : [count(sum('dead'), 'dead letter')]),
    ...(sum('parked') === 0 ? [] : [`${count(sum('parked'), 'record')} parked for a missing parent`]),
    ...(unproven.length === 0 ? [] : [`not proven complete: ${unproven.join(', ')}`]),
  ]
}

export const judgeRun = (
  run: Pick<Run, 'state'>,
  entities: readonly EntityReport[],
  /** Pages that a range has gone past without an accepted receipt. */
  missingReceipts: number,
  pagesKept = true,
): Verdict => {
  if (!pagesKept) return { verdict: 'not-kept', reasons: [`its pages are no longer kept; the run was ${run.state} then`] }
  const open = openReasons(run, entities, missingReceipts)
  if (open.length > 0) return { verdict: 'open', reasons: open }
  const exceptions = exceptionReasons(entities)
  return { verdict: exceptions.length > 0 ? 'exceptions' : 'closed', reasons: exceptions }
}
