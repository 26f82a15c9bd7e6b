// `syncline status`: what active runs are doing now: state, records, and what each entity waits for and since when.
import { Command } from 'commander'
import { reconciliationsOf } from '../ledger/deletions.ts'
import { type MissingParents, missingParents } from '../ledger/parked.ts'
import { type EntityReport, runReport } from '../ledger/report.ts'
import { hasEnded, listRuns, type Run } from '../ledger/runs.ts'
import { type SourceHealth, troubledSources } from '../ledger/source-health.ts'
import { liveRoles } from '../ledger/workers.ts'
import { SynclineError } from '../platform/errors.ts'
import { type Paint, painterFor } from './color.ts'
import { type Column, renderColumns } from './columns.ts'
import { chooseRun, type RunChoice } from './find-run.ts'
import { waitElsewhere } from './follow.ts'
import { STATE_STYLE } from './live-table.ts'
import { NAMED_PARENTS, parkedLine, parkedText } from './parked-lines.ts'
import { reconciliationText } from './reconcile-lines.ts'
import { createReporter } from './reporters.ts'
import { ROLE_NAMES } from './role-names.ts'
import { entityLine, readText, runFacts } from './run-lines.ts'
import { runDuration } from './runs.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { print, printJson, say, stdoutWidth } from './terminal.ts'
import { type LiveRoles, type Wait, waitOf, waitOfRun, waitText } from './waits.ts'
import { count, moment } from './words.ts'

const EXAMPLES = `
Examples:
  $ syncline status                   # every active run
  $ syncline status --org acme
  $ syncline status --org acme --watch
  $ syncline status --run 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --json`

interface StatusOptions extends RunChoice {
  readonly watch?: boolean
  readonly json?: boolean
}

export const statusCommand = (): Command =>
  new Command('status')
    .option('--run <id>', 'of this run, active or not')
    .option('--org <id>', 'of the active run of this organisation')
    .option('--source <name>', 'of this connected account, when there are several')
    .option('--watch', 'stay until the run has ended, as sync --wait does')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', EXAMPLES)
    .action((options: StatusOptions) => withLedger((runtime) => status(runtime, options)))

const status = async (runtime: Runtime, options: StatusOptions): Promise<void> => {
  const runs = await chosenRuns(runtime, options)
  const [only, another] = runs
  if (options.watch) {
    if (only === undefined || another !== undefined) throw severalToWatch(runs)
    process.exitCode = await waitElsewhere(runtime, only.runId, createReporter({ json: options.json ?? false }))
  } else if (only === undefined) await sayNothingActive(runtime, options)
  else for (const run of runs) await showStatus(runtime, run, options)
  if (options.run === undefined && !options.watch) await showTrouble(runtime, options)
}

/** Sources of which nothing may begin, or of which the last runs failed. */
const showTrouble = async ({ pool }: Runtime, { org, json }: StatusOptions): Promise<void> => {
  for (const health of await troubledSources(pool, org)) {
    const { orgId, source, failures, pausedAt, pauseReason } = health
    if (json) printJson({ type: 'source', org: orgId, source, failures, pausedAt: pausedAt?.toISOString() ?? null, pauseReason })
    else say(troubleText(health))
  }
}

const troubleText = ({ orgId, source, failures, pausedAt, pauseReason }: SourceHealth): string => {
  if (pausedAt === null) return `${orgId}/${source}: ${count(failures, 'run')} in a row failed.`
  const why = pauseReason === null ? '' : `: ${pauseReason}`
  return `${orgId}/${source} is paused since ${moment(pausedAt)}${why}. Go on with: syncline resume --org ${orgId}`
}

const chosenRuns = async (runtime: Runtime, choice: RunChoice): Promise<readonly Run[]> => {
  if (choice.run === undefined && choice.org === undefined) return listRuns(runtime.pool, { active: true, limit: 100 })
  return (await isOnlyPaused(runtime, choice)) ? [] : [await chooseRun(runtime, choice)]
}

/** That an organisation is paused is what its status is, when nothing of it runs. */
const isOnlyPaused = async ({ pool }: Runtime, { run, org }: RunChoice): Promise<boolean> => {
  if (run !== undefined || org === undefined) return false
  const [active] = await listRuns(pool, { orgId: org, active: true, limit: 1 })
  return active === undefined && (await troubledSources(pool, org)).length > 0
}

const severalToWatch = (runs: readonly Run[]): SynclineError => {
  const names = runs.map((run) => `${run.runId} (${run.orgId})`).join(', ')
  return new SynclineError('usage', runs.length === 0 ? 'No run is active.' : 'Several runs are active.', {
    remedy: runs.length === 0 ? 'Ask for one with: syncline sync --org ID' : `Choose one with --run: ${names}`,
  })
}

const sayNothingActive = async ({ pool }: Runtime, { json }: StatusOptions): Promise<void> => {
  const [last] = await listRuns(pool, { limit: 1 })
  if (!json) say('No run is active.')
  if (last !== undefined && !json) say(`The last one, of ${last.orgId}, is ${last.state}: syncline show --run ${last.runId}`)
}

interface EntityStatus {
  readonly report: EntityReport
  readonly wait: Wait | undefined
}

const showStatus = async ({ pool }: Runtime, run: Run, { json }: StatusOptions): Promise<void> => {
  const [reports, live] = [await runReport(pool, run.runId), await liveRoles(pool)]
  const entities = reports.map((report) => ({ report, wait: waitOf(run, report, reports, live) }))
  const missing = await missingParents(pool, run, { limit: NAMED_PARENTS })
  const reconciliations = await reconciliationsOf(pool, run.runId)
  if (json) printJson({ ...statusLine(run, entities, live), ...parkedLine(missing), reconciliations })
  else {
    const text = statusText(run, entities, live, missing, { width: stdoutWidth(), paint: painterFor(process.stdout) })
    print([text, ...reconciliationText(run, reconciliations)].join('\n'))
  }
}

const waitLine = (wait: Wait | undefined) =>
  wait === undefined ? null : { for: wait.for, what: wait.what, since: wait.since?.toISOString() ?? null }

const statusLine = (run: Run, entities: readonly EntityStatus[], live: LiveRoles) => ({
  ...runFacts(run),
  type: 'status',
  waitingFor: waitLine(waitOfRun(run, live)),
  workers: Object.fromEntries(ROLE_NAMES.map((role) => [role, live.get(role) ?? 0])),
  entities: entities.map(({ report, wait }) => ({
    ...entityLine(report),
    missing: report.missing,
    openPages: report.openPages,
    waitingFor: waitLine(wait),
  })),
})

const COLUMNS: readonly Column<EntityStatus>[] = [
  { title: 'ENTITY', cell: ({ report }) => report.entity },
  { title: 'TIER', cell: ({ report }) => report.tier, keep: 1 },
  { title: 'STATE', cell: ({ report }) => report.state, style: ({ report }) => STATE_STYLE[report.state] },
  { title: 'CALLS', cell: ({ report }) => report.calls, keep: 2 },
  { title: 'PAGES', cell: ({ report }) => report.pages, keep: 3 },
  { title: 'RECORDS', cell: ({ report }) => report.fetched - report.missing },
  { title: 'LAG', cell: ({ report }) => report.missing, keep: 6 },
  { title: 'PARKED', cell: ({ report }) => report.parked, keep: 4 },
  { title: 'DEAD', cell: ({ report }) => report.dead, keep: 5, style: ({ report }) => (report.dead > 0 ? 'red' : undefined) },
  {
    title: 'WAITS FOR',
    cell: ({ report, wait }) => (wait === undefined ? (report.reason ?? readText(report)) : waitText(wait)),
    min: 24,
  },
]

const workersText = (live: LiveRoles): string =>
  live.size === 0
    ? 'No worker is running. Start one with: syncline worker all'
    : `Live workers: ${ROLE_NAMES.map((role) => `${role} ${live.get(role) ?? 0}`).join(', ')}`

const statusText = (
  run: Run,
  entities: readonly EntityStatus[],
  live: LiveRoles,
  missing: MissingParents,
  { width, paint }: { width: number; paint: Paint },
): string => {
  const reason = run.reason === null ? '' : ` (${run.reason})`
  const wait = waitOfRun(run, live)
  return [
    paint(`${run.orgId}/${run.source} · ${run.strategy} · run ${run.runId}`, 'bold'),
    `${run.state}${reason}${run.startedAt === null ? '' : `, ${runDuration(run, Date.now())}`}`,
    ...(wait === undefined ? [] : [`Waits for ${waitText(wait)}`]),
    ...(entities.length === 0 ? ['Not planned yet.'] : renderColumns(COLUMNS, entities, { width, paint })),
    ...parkedText(missing),
    ...(hasEnded(run.state) ? [] : [workersText(live)]),
    '',
  ].join('\n')
}
