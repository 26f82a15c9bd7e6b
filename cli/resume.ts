// `syncline resume`: a paused run, or organisation, goes on where it stopped, with workers elsewhere or with all roles in this process.
import { Command } from 'commander'
import { changeRun, changeRunIfCan, hasEnded, type Run } from '../ledger/runs.ts'
import { resumeSource } from '../ledger/source-health.ts'
import { chooseSources } from './choose.ts'
import { requireOrg } from './connection-choice.ts'
import { activeRunsOf, chooseRun, requireRun, requireRunOrOrg } from './find-run.ts'
import { ending, type FollowOptions, followRun } from './follow.ts'
import { runFacts } from './run-lines.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { printJson, say } from './terminal.ts'

const TEXT = `
With --org the organisation goes on: its paused runs, its schedules (a due time that has passed is seen to by the schedule's own policy),
and failures in a row are counted anew.

Examples:
  $ syncline resume --org acme
  $ syncline resume --org acme --wait                  # workers run elsewhere
  $ syncline resume --run 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --with-workers

With --wait or --with-workers a run that was not paused, but whose workers have gone, is followed too.

Exit codes: 0 complete or resumed, 1 failed, 2 usage, 3 complete with exceptions, 4 auth, 130 interrupted.`

interface ResumeOptions extends FollowOptions {
  readonly run?: string
  readonly org?: string
  readonly source?: string
}

export const resumeCommand = (): Command =>
  new Command('resume')
    .option('--run <id>', 'this run')
    .option('--org <id>', 'the organisation: its runs, its schedules, and new runs')
    .option('--source <name>', 'of the organisation, only this connected account')
    .option('--wait', 'wait for the end of the run')
    .option('--with-workers', 'run all worker roles in this process until the run ends')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', TEXT)
    .action((options: ResumeOptions) =>
      ending(
        withLedger((runtime) => resume(runtime, options)),
        options,
      ),
    )

const resume = async (runtime: Runtime, options: ResumeOptions): Promise<void> => {
  await requireRunOrOrg(runtime, options)
  if (options.org !== undefined) return resumeOrg(runtime, options.org, options)
  await follow(runtime, await resumed(runtime, await requireRun(runtime, options.run ?? ''), options), options)
}

const follow = async (runtime: Runtime, run: Run, options: ResumeOptions): Promise<void> => {
  if (options.json) printJson({ ...runFacts(run), type: 'run-resumed' })
  say(`Run ${run.runId}`)
  process.exitCode = await followRun(runtime, run.runId, options)
}

const resumeOrg = async (runtime: Runtime, org: string, options: ResumeOptions): Promise<void> => {
  const sources = chooseSources(await requireOrg(runtime, org), { org, source: options.source })
  // Asked first: a run to follow must be one.
  const followed = options.wait || options.withWorkers ? await chooseRun(runtime, { org, source: options.source }) : undefined
  for (const { orgId, source } of sources) {
    const changed = await resumeSource(runtime.pool, { orgId, source })
    if (options.json) printJson({ type: 'source-resumed', org: orgId, source, changed })
    say(`${orgId}/${source} ${changed ? 'goes on' : 'was not paused'}.`)
  }
  const paused = (await activeRunsOf(runtime, sources)).filter((run) => run.state === 'paused')
  for (const { runId } of paused.filter((run) => run.runId !== followed?.runId)) {
    const run = await changeRunIfCan(runtime.pool, runId, 'resume')
    if (run !== undefined) await follow(runtime, run, { json: options.json ?? false })
  }
  if (followed !== undefined) await follow(runtime, await resumed(runtime, followed, options), options)
}

/** A killed process leaves its run running: following it needs no change of state. Throws 'conflict' for a run that has ended. */
const resumed = (runtime: Runtime, run: Run, { wait, withWorkers }: ResumeOptions): Promise<Run> => {
  const isActive = run.state !== 'paused' && !hasEnded(run.state)
  return isActive && (wait || withWorkers) ? Promise.resolve(run) : changeRun(runtime.pool, run.runId, 'resume')
}
