// `syncline runs`: the latest runs, newest first.
import { Command, InvalidArgumentError } from 'commander'
import { listRuns, type Run, type RunState } from '../ledger/runs.ts'
import { painterFor, type Style } from './color.ts'
import { type Column, renderColumns } from './columns.ts'
import { requireOrg } from './connection-choice.ts'
import { runFacts } from './run-lines.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { print, printJson, say, stdoutWidth } from './terminal.ts'
import { duration, moment } from './words.ts'

const EXAMPLES = `
Examples:
  $ syncline runs
  $ syncline runs --org acme --limit 5
  $ syncline runs --json | jq -r 'select(.state == "failed") | .runId'`

interface RunsOptions {
  readonly org?: string
  readonly source?: string
  readonly limit: number
  readonly json?: boolean
}

const MAX_LIMIT = 10_000

/** A whole number of at least 1, for commander. */
export const parseLimit = (text: string): number => {
  const limit = Number(text)
  if (/^\d+$/.test(text) && limit >= 1 && limit <= MAX_LIMIT) return limit
  throw new InvalidArgumentError(`It is a whole number from 1 to ${MAX_LIMIT}.`)
}

export const runsCommand = (): Command =>
  new Command('runs')
    .option('--org <id>', 'of one organisation')
    .option('--source <name>', 'of connected accounts of this name')
    .option('--limit <n>', 'so many at most', parseLimit, 20)
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', EXAMPLES)
    .action((options: RunsOptions) => withLedger((runtime) => runs(runtime, options)))

const RUN_STYLE: Readonly<Record<RunState, Style | undefined>> = {
  planned: 'dim',
  running: 'cyan',
  paused: 'yellow',
  complete: 'green',
  complete_with_exceptions: 'yellow',
  failed: 'red',
  cancelled: 'dim',
}

/** How long it ran, or has been running. */
export const runDuration = ({ startedAt, endedAt }: Run, nowMs: number): string =>
  startedAt === null ? '-' : duration((endedAt?.getTime() ?? nowMs) - startedAt.getTime())

const columns = (nowMs: number): readonly Column<Run>[] => [
  { title: 'RUN', cell: (run) => run.runId },
  { title: 'ORG', cell: (run) => run.orgId },
  { title: 'SOURCE', cell: (run) => run.source, keep: 1 },
  { title: 'STATE', cell: (run) => run.state, style: (run) => RUN_STYLE[run.state] },
  { title: 'CREATED', cell: (run) => moment(run.createdAt), keep: 4 },
  { title: 'TOOK', cell: (run) => runDuration(run, nowMs), align: 'right', keep: 3 },
  { title: 'ENTITIES', cell: (run) => run.selection.length, keep: 2 },
  { title: 'REASON', cell: (run) => run.reason ?? '', min: 12 },
]

const runs = async (runtime: Runtime, { org, source, limit, json }: RunsOptions): Promise<void> => {
  if (org !== undefined) await requireOrg(runtime, org)
  const found = await listRuns(runtime.pool, {
    limit,
    ...(org === undefined ? {} : { orgId: org }),
    ...(source === undefined ? {} : { source }),
  })
  if (json) for (const run of found) printJson(runFacts(run))
  else if (found.length === 0) say(`There are no runs yet. Ask for one with: syncline sync --org ${org ?? 'ID'}`)
  else print(renderColumns(columns(Date.now()), found, { width: stdoutWidth(), paint: painterFor(process.stdout) }).join('\n'))
}
