// A run as lines: the JSON shapes of design 8, and words for people.
import type { EntityReport } from '../ledger/report.ts'
import type { Run, RunState } from '../ledger/runs.ts'
import { EXIT, table } from './terminal.ts'

/** One entity in the last line of `sync --json`. */
const entityLine = (e: EntityReport) => ({
  entity: e.entity,
  state: e.state,
  calls: e.calls,
  pages: e.pages,
  fetched: e.fetched,
  merged: e.merged,
  unchanged: e.unchanged,
  stale: e.stale,
  parked: e.parked,
  dead: e.dead,
  ...(e.reason === null ? {} : { reason: e.reason }),
})

export const runLine = (run: Run, entities: readonly EntityReport[]) => ({
  type: 'run',
  runId: run.runId,
  org: run.orgId,
  source: run.source,
  strategy: run.strategy,
  state: run.state,
  ...(run.reason === null ? {} : { reason: run.reason }),
  createdAt: run.createdAt.toISOString(),
  ...(run.endedAt === null ? {} : { endedAt: run.endedAt.toISOString() }),
  entities: entities.map(entityLine),
})

export const exitCodeOfRun = (state: RunState, errorCode: string | null): number => {
  if (state === 'complete') return EXIT.ok
  if (state === 'complete_with_exceptions') return EXIT.exceptions
  if (state === 'failed' && (errorCode === 'auth' || errorCode === 'permission')) return EXIT.auth
  return EXIT.failed
}

export const reportTable = (entities: readonly EntityReport[]): string =>
  table(
    ['ENTITY', 'TIER', 'STATE', 'CALLS', 'PAGES', 'FETCHED', 'MERGED', 'UNCHANGED', 'STALE', 'PARKED', 'DEAD'],
    entities.map((e) => [
      e.entity,
      e.tier,
      e.state,
      e.calls,
      e.pages,
      e.fetched,
      e.merged,
      e.unchanged,
      e.stale,
      e.parked,
      e.dead,
    ]),
  )
