// A run as lines: their JSON shapes, and words for people.
import type { EntityReport } from '../ledger/report.ts'
import type { Run, RunState } from '../ledger/runs.ts'
import type { Style } from './color.ts'
import { type Column, renderColumns, type TableOptions } from './columns.ts'
import { STATE_STYLE } from './live-table.ts'
import { EXIT } from './terminal.ts'

/** One entity in the last line of `sync --json`. */
export const entityLine = (e: EntityReport) => ({
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
  ...(e.changes === null ? {} : { since: e.changes.since }),
  ...(e.why === null ? {} : { why: e.why }),
  ...(e.reason === null ? {} : { reason: e.reason }),
})

/** Which part of an entity a run reads, where that is not simply everything. */
export const readText = ({ changes, why, carrier }: Pick<EntityReport, 'changes' | 'why' | 'carrier'>): string => {
  const carried = carrier === null ? '' : `on the pages of ${carrier}`
  return why ?? (changes === null ? carried : [carried, `changes since ${changes.since}`].filter(Boolean).join(', '))
}

/** What is known of a run without looking at its entities. */
export const runFacts = (run: Run) => ({
  type: 'run',
  runId: run.runId,
  org: run.orgId,
  source: run.source,
  strategy: run.strategy,
  state: run.state,
  ...(run.errorCode === null ? {} : { errorCode: run.errorCode }),
  ...(run.reason === null ? {} : { reason: run.reason }),
  createdAt: run.createdAt.toISOString(),
  ...(run.startedAt === null ? {} : { startedAt: run.startedAt.toISOString() }),
  ...(run.endedAt === null ? {} : { endedAt: run.endedAt.toISOString() }),
})

export const runLine = (run: Run, entities: readonly EntityReport[]) => ({
  ...runFacts(run),
  entities: entities.map(entityLine),
})

export const exitCodeOfRun = (state: RunState, errorCode: string | null): number => {
  if (state === 'complete') return EXIT.ok
  if (state === 'complete_with_exceptions') return EXIT.exceptions
  if (state === 'failed' && (errorCode === 'auth' || errorCode === 'permission')) return EXIT.auth
  return EXIT.failed
}

const outcomeColumn = (name: 'unchanged' | 'stale' | 'parked' | 'dead', style?: Style): Column<EntityReport> => ({
  title: name.toUpperCase(),
  cell: (e) => e[name],
  style: (e) => (e[name] > 0 ? style : undefined),
})

/** In a narrow terminal, outcomes that no record had give way first. */
export const reportTable = (entities: readonly EntityReport[], options: TableOptions = {}): string => {
  const outcomes = [
    outcomeColumn('unchanged'),
    outcomeColumn('stale'),
    outcomeColumn('parked', 'yellow'),
    outcomeColumn('dead', 'red'),
  ].map((column) => ({ ...column, keep: entities.some((e) => column.cell(e) !== 0) ? 6 : 1 }))
  const columns: readonly Column<EntityReport>[] = [
    { title: 'ENTITY', cell: (e) => e.entity },
    { title: 'TIER', cell: (e) => e.tier, keep: 2 },
    { title: 'STATE', cell: (e) => e.state, style: (e) => STATE_STYLE[e.state] },
    { title: 'CALLS', cell: (e) => e.calls, keep: 3 },
    { title: 'PAGES', cell: (e) => e.pages, keep: 4 },
    { title: 'FETCHED', cell: (e) => e.fetched, keep: 5 },
    { title: 'MERGED', cell: (e) => e.merged },
    ...outcomes,
  ]
  return renderColumns(columns, entities, options).join('\n')
}
