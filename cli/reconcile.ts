// `syncline reconcile`: what a reconciliation found to be gone, and letting go deletions that wait for an approval.
import { Command } from 'commander'
import { approveDeletions } from '../ledger/approval.ts'
import { reconciliationsOf } from '../ledger/deletions.ts'
import { SynclineError } from '../platform/errors.ts'
import { requireRun } from './find-run.ts'
import { ending, type FollowOptions, followRun, prepareWorkers } from './follow.ts'
import { reconciliationText } from './reconcile-lines.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { print, printJson, say } from './terminal.ts'

const TEXT = `
A reconciliation (syncline sync --strategy reconcile) deletes a row when a walk that was proven complete did not show it, and the API,
asked for it by itself, does not have it. When more rows of an entity are missing than the settings maxDeletedPercent and maxDeletedRows
allow, nothing of it is deleted: it waits here. An approval starts a run that asks the API for each of them; only what is gone is deleted.

Examples:
  $ syncline reconcile show 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071
  $ syncline reconcile approve 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --wait
  $ syncline reconcile approve 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --select email --with-workers --json`

interface ApproveOptions extends FollowOptions {
  readonly select?: string
}

export const reconcileCommand = (): Command =>
  new Command('reconcile')
    .addHelpText('after', TEXT)
    .addCommand(
      new Command('show')
        .description('what the walks of a reconciliation did not show, and what became of it')
        .argument('<run>', 'its id')
        .option('--json', 'one JSON line for each entity')
        .addHelpText('after', TEXT)
        .action((run: string, options: { json?: boolean }) => withLedger((runtime) => show(runtime, run, options))),
    )
    .addCommand(
      new Command('approve')
        .description('let go the deletions of a reconciliation that wait')
        .argument('<run>', 'its id')
        .option('--select <entities>', 'only of these, separated by commas')
        .option('--wait', 'wait for the end of the run that carries them out')
        .option('--with-workers', 'run all worker roles in this process until it ends')
        .option('--json', 'one JSON object a line on stdout')
        .addHelpText('after', TEXT)
        .action((run: string, options: ApproveOptions) =>
          ending(
            withLedger((runtime) => approve(runtime, run, options)),
            options,
          ),
        ),
    )

const show = async (runtime: Runtime, runId: string, { json }: { json?: boolean }): Promise<void> => {
  const run = await requireRun(runtime, runId)
  const found = await reconciliationsOf(runtime.pool, run.runId)
  if (json) for (const each of found) printJson({ type: 'reconciliation', runId: run.runId, ...each })
  else if (found.every(({ missing }) => missing === 0)) say(nothingText(run.strategy, found.length))
  else print(reconciliationText(run, found).join('\n'))
}

const nothingText = (strategy: string, entities: number): string => {
  if (strategy !== 'reconcile') return `It is a ${strategy} run: only a reconciliation looks for rows that are gone.`
  return entities === 0 ? 'No walk of it was proven: nothing is taken for gone.' : 'Every row was shown: nothing is gone.'
}

const approve = async (runtime: Runtime, runId: string, options: ApproveOptions): Promise<void> => {
  const run = await requireRun(runtime, runId)
  await prepareWorkers(runtime, options)
  const approval = await approveDeletions(runtime.pool, run, chosen(options))
  if (approval === undefined) {
    throw new SynclineError('usage', `No deletion of run ${run.runId} waits for an approval.`, {
      remedy: `See: syncline reconcile show ${run.runId}`,
    })
  }
  const { orgId: org, source } = run
  if (options.json)
    printJson({ type: 'run-created', runId: approval.runId, org, source, strategy: 'reconcile', approves: run.runId })
  say(`Run ${approval.runId} asks for what is gone of ${approval.entities.join(', ')}`)
  process.exitCode = await followRun(runtime, approval.runId, options)
}

const chosen = ({ select }: ApproveOptions): readonly string[] | undefined =>
  select
    ?.split(',')
    .map((name) => name.trim())
    .filter(Boolean)
