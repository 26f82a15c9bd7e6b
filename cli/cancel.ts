// `syncline cancel`: ends a run, or those of an organisation, for good. Rows that have landed stay; the next full sync begins anew.
import { Command } from 'commander'
import { changeRun, changeRunIfCan, type Run } from '../ledger/runs.ts'
import { chooseSources } from './choose.ts'
import { requireOrg } from './connection-choice.ts'
import { activeRunsOf, chooseRun, requireRun, requireRunOrOrg } from './find-run.ts'
import { runFacts } from './run-lines.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { printJson, say } from './terminal.ts'

const TEXT = `
What an organisation is asked to do next is not touched: so that nothing begins any more, pause it first.

Examples:
  $ syncline cancel --org acme
  $ syncline cancel --run 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --json`

interface CancelOptions {
  readonly run?: string
  readonly org?: string
  readonly source?: string
  readonly json?: boolean
}

export const cancelCommand = (): Command =>
  new Command('cancel')
    .option('--run <id>', 'this run')
    .option('--org <id>', 'all active runs of this organisation')
    .option('--source <name>', 'of the organisation, only of this connected account')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', TEXT)
    .action((options: CancelOptions) => withLedger((runtime) => cancel(runtime, options)))

const cancel = async (runtime: Runtime, options: CancelOptions): Promise<void> => {
  await requireRunOrOrg(runtime, options)
  const { org, source } = options
  const active =
    org === undefined ? [] : await activeRunsOf(runtime, chooseSources(await requireOrg(runtime, org), { org, source }))
  // Of none it says what there is instead.
  if (active.length === 0) {
    const { runId } = org === undefined ? await requireRun(runtime, options.run ?? '') : await chooseRun(runtime, { org, source })
    return tellCancelled(await changeRun(runtime.pool, runId, 'cancel'), options)
  }
  for (const { runId } of active) {
    const run = await changeRunIfCan(runtime.pool, runId, 'cancel')
    if (run === undefined) say(`Run ${runId} has ended meanwhile.`)
    else tellCancelled(run, options)
  }
}

const tellCancelled = (run: Run, { json }: CancelOptions): void => {
  if (json) printJson(runFacts(run))
  say(`Run ${run.runId} is cancelled. Begin anew with: syncline sync --org ${run.orgId} --source ${run.source}`)
}
