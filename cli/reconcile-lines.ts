// What a reconciliation found to be gone, as words for people. Pure.
import type { Reconciliation } from '../ledger/deletions.ts'
import type { Run } from '../ledger/runs.ts'
import { count } from './words.ts'

const outcomeText = ({ state, missing, gone, kept, allowed, approvedBy }: Reconciliation): string => {
  if (state === 'parked')
    return `more than the ${allowed.toLocaleString('en-US')} that may be deleted without an approval: nothing is deleted`
  const by = approvedBy === null ? '' : `approved, run ${approvedBy}: `
  if (gone === null || kept === null) return `${by}they were asked after; what came of it is no longer kept`
  const asked = `${count(gone, 'row')} gone and deleted, ${kept.toLocaleString('en-US')} there all the same`
  const rest = missing - gone - kept
  const whole = rest > 0 ? `${asked}, ${rest.toLocaleString('en-US')} not asked after` : asked
  return `${by}${whole}`
}

/** A line for each entity with rows that were not shown, and how to approve what waits. */
export const reconciliationText = ({ runId }: Pick<Run, 'runId'>, all: readonly Reconciliation[]): readonly string[] => {
  const found = all.filter(({ missing }) => missing > 0)
  if (found.length === 0) return []
  const waits = found.some(({ state }) => state === 'parked')
  return [
    'Rows that the API did not show:',
    ...found.map((each) => {
      const rows = `${each.missing.toLocaleString('en-US')} of ${count(each.liveRows, 'row')}`
      return `  ${each.entity}: ${rows}; ${outcomeText(each)}`
    }),
    ...(waits ? [`  If they are to be deleted: syncline reconcile approve ${runId}`] : []),
  ]
}
