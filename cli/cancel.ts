// `syncline cancel`: ends a run for good. Rows that have landed stay; the next full sync begins anew.
import { Command } from 'commander'
import { changeRun } from '../ledger/runs.ts'
import { chooseRun, type RunChoice } from './find-run.ts'
import { runFacts } from './run-lines.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { printJson, say } from './terminal.ts'

const EXAMPLES = `
Examples:
  $ syncline cancel --org acme
  $ syncline cancel --run 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --json`

interface CancelOptions extends RunChoice {
  readonly json?: boolean
}

export const cancelCommand = (): Command =>
  new Command('cancel')
    .description('end a run for good; rows that have landed stay')
    .option('--run <id>', 'the run')
    .option('--org <id>', 'the active run of this organisation')
    .option('--source <name>', 'of this connected account, when there are several')
    .option('--json', 'print the run as one JSON line')
    .addHelpText('after', EXAMPLES)
    .action((options: CancelOptions) => withLedger((runtime) => cancel(runtime, options)))

const cancel = async (runtime: Runtime, options: CancelOptions): Promise<void> => {
  const { runId } = await chooseRun(runtime, options)
  const run = await changeRun(runtime.pool, runId, 'cancel')
  if (options.json) printJson(runFacts(run))
  say(`Run ${runId} is cancelled. Begin anew with: syncline sync --org ${run.orgId}`)
}
