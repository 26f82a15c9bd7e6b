// Progress as lines: one per change, for people without a terminal and as JSON objects.
import { hasEnded } from '../orchestrator/decide.ts'
import type { Change, EntityView } from './progress.ts'
import { count, duration } from './words.ts'

const tally = ({ report, landed }: EntityView): string => {
  const parts = [count(landed, 'record'), count(report.pages, 'page')]
  if (report.missing > 0) parts.push(`${count(report.missing, 'record')} to land`)
  if (report.parked > 0) parts.push(`${report.parked.toLocaleString('en-US')} parked`)
  if (report.dead > 0) parts.push(`${report.dead.toLocaleString('en-US')} dead`)
  return parts.join(', ')
}

const perSecond = (rate: number | null): string =>
  rate === null ? '' : `, ${Math.round(rate).toLocaleString('en-US')} records/s`

const stateLine = (view: EntityView): string => {
  const { entity, state, reason, carrier, fetched } = view.report
  const why = reason === null ? '' : ` (${reason})`
  if (hasEnded(view.report)) return `${entity}: ${state}${why}${fetched > 0 ? `, ${tally(view)}` : ''}`
  return `${entity}: ${state}${why}${state === 'fetching' && carrier !== null ? ` with ${carrier}` : ''}`
}

const waitLine = ({ report }: EntityView): string => {
  const why = report.waitingReason === null ? '' : `: ${report.waitingReason}`
  return `${report.entity}: waits for ${report.waitingFor === 'redis' ? 'Redis' : 'another try'} since ${duration(report.waitingMs ?? 0)}${why}`
}

export const changeLine = (change: Change): string => {
  switch (change.kind) {
    case 'run':
      return `The run is ${change.state === 'running' ? 'under way' : change.state}.`
    case 'state':
      return stateLine(change.view)
    case 'progress':
      return `${change.view.report.entity}: ${tally(change.view)}${perSecond(change.view.rate)}`
    case 'wait':
      return waitLine(change.view)
  }
}

const JSON_TYPE = { state: 'entity', progress: 'progress', wait: 'wait' } as const

/** As a line of `--json`: `entity` for a change of state, `progress` and `wait` in between. */
export const changeObject = (change: Change): Readonly<Record<string, unknown>> & { readonly type: string } => {
  if (change.kind === 'run') return { type: 'run-state', state: change.state }
  const { report, landed, rate } = change.view
  return {
    type: JSON_TYPE[change.kind],
    entity: report.entity,
    state: report.state,
    ...(report.reason === null ? {} : { reason: report.reason }),
    pages: report.pages,
    fetched: report.fetched,
    landed,
    merged: report.merged,
    ...(change.kind === 'progress' && rate !== null ? { recordsPerSecond: Math.round(rate) } : {}),
    ...(change.kind === 'wait' ? { waitingFor: report.waitingFor, waitingReason: report.waitingReason } : {}),
  }
}
