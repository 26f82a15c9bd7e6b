// `syncline resume`: a paused run goes on where it stopped, with workers elsewhere or with all roles in this process.
import { Command } from 'commander'
import { changeRun, hasEnded, type Run } from '../ledger/runs.ts'
import { chooseRun, type RunChoice } from './find-run.ts'
import { type FollowOptions, followRun } from './follow.ts'
import { runFacts } from './run-lines.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { printJson, say } from './terminal.ts'

const EXAMPLES = `
Examples:
  $ syncline resume --org acme --wait                  # workers run elsewhere
  $ syncline resume --run 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --with-workers

With --wait or --with-workers a run that was not paused, but whose workers have gone, is followed too.

Exit codes: 0 complete or resumed, 1 failed, 2 usage, 3 complete with exceptions, 4 auth, 130 interrupted.`

interface ResumeOptions extends RunChoice, FollowOptions {}

export const resumeCommand = (): Command =>
  new Command('resume')
    .description('go on with a paused run')
    .option('--run <id>', 'the run')
    .option('--org <id>', 'the active run of this organisation')
    .option('--source <name>', 'of this connected account, when there are several')
    .option('--wait', 'wait for the end of the run')
    .option('--with-workers', 'run all worker roles in this process until the run ends')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', EXAMPLES)
    .action((options: ResumeOptions) => withLedger((runtime) => resume(runtime, options)))

const resume = async (runtime: Runtime, options: ResumeOptions): Promise<void> => {
  const run = await resumed(runtime, await chooseRun(runtime, options), options)
  if (options.json) printJson({ ...runFacts(run), type: 'run-resumed' })
  say(`Run ${run.runId}`)
  process.exitCode = await followRun(runtime, run.runId, options)
}

/** A killed process leaves its run running: following it needs no change of state. Throws 'conflict' for a run that has ended. */
const resumed = (runtime: Runtime, run: Run, { wait, withWorkers }: ResumeOptions): Promise<Run> => {
  const isActive = run.state !== 'paused' && !hasEnded(run.state)
  return isActive && (wait || withWorkers) ? Promise.resolve(run) : changeRun(runtime.pool, run.runId, 'resume')
}
