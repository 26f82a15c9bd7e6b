// `syncline schedule list`: the schedules, when each is due, and what became of its last due time.
import { Command } from 'commander'
import { listSchedules, type Schedule } from '../ledger/schedules.ts'
import { painterFor } from './color.ts'
import { type Column, renderColumns } from './columns.ts'
import { requireOrg } from './connection-choice.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { timingText } from './schedule-rule.ts'
import { print, printJson, say, stdoutWidth } from './terminal.ts'
import { moment } from './words.ts'

const EXAMPLES = `
Examples:
  $ syncline schedule list
  $ syncline schedule list --org acme --json | jq -r 'select(.lastSkipReason != null) | .name'`

interface ListOptions {
  readonly org?: string
  readonly json?: boolean
}

export const scheduleListCommand = (): Command =>
  new Command('list')
    .description('list schedules, when they are due, and how the last due time went')
    .option('--org <id>', 'of one organisation')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', EXAMPLES)
    .action((options: ListOptions) => withLedger((runtime) => list(runtime, options)))

const iso = (date: Date | null): string | null => date?.toISOString() ?? null

export const scheduleLine = ({ orgId, selection, turn, pausedAt, sourcePausedAt, dueAt, firesAt, ...rest }: Schedule) => ({
  type: 'schedule',
  org: orgId,
  ...rest,
  select: selection,
  pausedAt: iso(pausedAt),
  sourcePausedAt: iso(sourcePausedAt),
  dueAt: iso(dueAt),
  firesAt: iso(firesAt),
  lastFiredAt: iso(rest.lastFiredAt),
  lastSkippedAt: iso(rest.lastSkippedAt),
})

/** Of the last due time that was seen to, or what the one that has come waits for. */
const lastText = ({ waitingFor, lastFiredAt, lastRunId, lastSkippedAt, lastSkipReason }: Schedule): string => {
  if (waitingFor !== null) return `waits: ${waitingFor}`
  if (lastSkippedAt !== null && (lastFiredAt === null || lastSkippedAt > lastFiredAt)) return `left out: ${lastSkipReason}`
  return lastRunId === null ? 'not due yet' : `run ${lastRunId}`
}

const dueText = ({ pausedAt, sourcePausedAt, dueAt }: Schedule): string => {
  if (pausedAt !== null) return 'paused'
  return sourcePausedAt === null ? moment(dueAt) : 'source paused'
}

const COLUMNS: readonly Column<Schedule>[] = [
  { title: 'ORG', cell: (schedule) => schedule.orgId },
  { title: 'NAME', cell: (schedule) => schedule.name },
  { title: 'SOURCE', cell: (schedule) => schedule.source, keep: 1 },
  { title: 'STRATEGY', cell: (schedule) => schedule.strategy, keep: 2 },
  { title: 'ENTITIES', cell: (schedule) => schedule.selection?.length ?? 'all', keep: 1 },
  { title: 'WHEN', cell: timingText },
  { title: 'DUE', cell: dueText, style: (schedule) => (dueText(schedule).includes('paused') ? 'yellow' : undefined) },
  { title: 'LAST', cell: lastText, min: 16 },
]

const list = async (runtime: Runtime, { org, json }: ListOptions): Promise<void> => {
  if (org !== undefined) await requireOrg(runtime, org)
  const schedules = await listSchedules(runtime.pool, org)
  if (json) for (const schedule of schedules) printJson(scheduleLine(schedule))
  else if (schedules.length === 0)
    say(`There are no schedules. Add one with: syncline schedule add --org ${org ?? 'ID'} --every 6h`)
  else print(renderColumns(COLUMNS, schedules, { width: stdoutWidth(), paint: painterFor(process.stdout) }).join('\n'))
}
