// `syncline pause`: no new pages are fetched for a run, or for all of an organisation, until it is resumed; what is on its way lands.
import { Command } from 'commander'
import { changeRun, changeRunIfCan, type Run } from '../ledger/runs.ts'
import { pauseSource } from '../ledger/source-health.ts'
import { chooseSources } from './choose.ts'
import { requireOrg } from './connection-choice.ts'
import { activeRunsOf, requireRun, requireRunOrOrg } from './find-run.ts'
import { runFacts } from './run-lines.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { printJson, say } from './terminal.ts'

const TEXT = `
With --run one run stops where it is. With --org the organisation does: its active runs stop, its schedules do not fire, and a sync is
refused with a line that says so and exit code 5, until it is resumed.

Examples:
  $ syncline pause --org acme --reason 'ticket 4711'
  $ syncline pause --org acme --source north
  $ syncline pause --run 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --json`

interface PauseOptions {
  readonly run?: string
  readonly org?: string
  readonly source?: string
  readonly reason?: string
  readonly json?: boolean
}

export const pauseCommand = (): Command =>
  new Command('pause')
    .option('--run <id>', 'this run alone')
    .option('--org <id>', 'the organisation: its runs, its schedules, and new runs')
    .option('--source <name>', 'of the organisation, only this connected account')
    .option('--reason <text>', 'why; whoever is refused is told')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', TEXT)
    .action((options: PauseOptions) => withLedger((runtime) => pause(runtime, options)))

const pause = async (runtime: Runtime, options: PauseOptions): Promise<void> => {
  await requireRunOrOrg(runtime, options)
  if (options.org === undefined) {
    const { runId } = await requireRun(runtime, options.run ?? '')
    return tellPaused(await changeRun(runtime.pool, runId, 'pause'), options)
  }
  const sources = chooseSources(await requireOrg(runtime, options.org), { org: options.org, source: options.source })
  for (const { orgId, source } of sources) {
    const reason = options.reason ?? null
    const paused = await pauseSource(runtime.pool, { orgId, source }, reason)
    if (options.json) printJson({ type: 'source-paused', org: orgId, source, reason, changed: paused })
    say(`${orgId}/${source} is paused${paused ? '' : ' already'}. Go on with: syncline resume --org ${orgId} --source ${source}`)
  }
  // Only now: none begins any more.
  const runs = await activeRunsOf(runtime, sources)
  for (const { runId } of runs) {
    const run = await changeRunIfCan(runtime.pool, runId, 'pause')
    if (run !== undefined) tellPaused(run, options)
  }
}

const tellPaused = (run: Run, { json }: PauseOptions): void => {
  if (json) printJson(runFacts(run))
  say(`Run ${run.runId} is paused. Go on with: syncline resume --run ${run.runId}`)
}
