// `syncline pause`: no new pages are fetched for a run until it is resumed; what is on its way lands.
import { Command } from 'commander'
import { changeRun } from '../ledger/runs.ts'
import { chooseRun, type RunChoice } from './find-run.ts'
import { runFacts } from './run-lines.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { printJson, say } from './terminal.ts'

const EXAMPLES = `
Examples:
  $ syncline pause --org acme
  $ syncline pause --run 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --json`

interface PauseOptions extends RunChoice {
  readonly json?: boolean
}

export const pauseCommand = (): Command =>
  new Command('pause')
    .description('pause a run: it keeps its place, and what it has fetched still lands')
    .option('--run <id>', 'the run')
    .option('--org <id>', 'the active run of this organisation')
    .option('--source <name>', 'of this connected account, when there are several')
    .option('--json', 'print the run as one JSON line')
    .addHelpText('after', EXAMPLES)
    .action((options: PauseOptions) => withLedger((runtime) => pauseOne(runtime, options)))

const pauseOne = async (runtime: Runtime, options: PauseOptions): Promise<void> => {
  const { runId } = await chooseRun(runtime, options)
  const run = await changeRun(runtime.pool, runId, 'pause')
  if (options.json) printJson(runFacts(run))
  say(`Run ${runId} is paused. Go on with: syncline resume --run ${runId}`)
}
