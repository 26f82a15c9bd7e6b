// `syncline retry`: a new run over what of an ended one failed or was skipped, and what depends on that.
import { Command } from 'commander'
import { entityProgress } from '../ledger/progress.ts'
import { retryRun } from '../ledger/retries.ts'
import { hasEnded, type Run } from '../ledger/runs.ts'
import { retrySelection } from '../orchestrator/retry.ts'
import { SynclineError } from '../platform/errors.ts'
import { chooseConnection, requireOrg } from './connection-choice.ts'
import { requireRun } from './find-run.ts'
import { ending, type FollowOptions, followRun, prepareWorkers } from './follow.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { probe } from './sync.ts'
import { printJson, say } from './terminal.ts'

const TEXT = `
Entities that closed are not fetched again, unless they cannot be without one that failed. The new run names the one that it takes up.

Examples:
  $ syncline retry 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --wait
  $ syncline retry 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --with-workers --json

Exit codes: 0 complete, 1 failed, 2 usage, 3 complete with exceptions, 4 auth, 5 not begun: one is running or paused, 130 interrupted.`

export const retryCommand = (): Command =>
  new Command('retry')
    .argument('<run>', 'the run')
    .option('--wait', 'wait for the end of the new run')
    .option('--with-workers', 'run all worker roles in this process until the new run ends')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', TEXT)
    .action((run: string, options: FollowOptions) =>
      ending(
        withLedger((runtime) => retry(runtime, run, options)),
        options,
      ),
    )

const retry = async (runtime: Runtime, id: string, options: FollowOptions): Promise<void> => {
  const run = await requireRun(runtime, id)
  const selection = await selectionOf(runtime, run)
  const connection = chooseConnection(await requireOrg(runtime, run.orgId), { org: run.orgId, source: run.source })
  await probe(runtime, connection, selection)
  await prepareWorkers(runtime, options)
  const runId = await retryRun(runtime.pool, run, selection)
  if (options.json) {
    const { orgId: org, source, strategy } = run
    printJson({ type: 'run-created', runId, org, source, strategy, retryOf: run.runId, selection })
  }
  say(`Run ${runId} takes up ${selection.join(', ')} of ${run.runId}`)
  process.exitCode = await followRun(runtime, runId, options)
}

const selectionOf = async ({ pool }: Runtime, run: Run): Promise<readonly string[]> => {
  if (!hasEnded(run.state)) {
    throw new SynclineError('conflict', `Run ${run.runId} is ${run.state}: there is nothing to take up yet.`, {
      remedy: `See: syncline status --run ${run.runId}`,
    })
  }
  if (run.approves !== null) {
    throw new SynclineError('usage', `Run ${run.runId} carries out deletions that were approved; they are approved anew.`, {
      remedy: `Say: syncline reconcile approve ${run.approves}`,
    })
  }
  const entities = (await entityProgress(pool, [run.runId])).get(run.runId) ?? []
  // It was never planned, so nothing of it was done.
  if (entities.length === 0) return run.selection
  const selection = retrySelection(entities, run.strategy)
  if (selection.length > 0) return selection
  throw new SynclineError('usage', `No entity of run ${run.runId} failed or was skipped: it is ${run.state}.`, {
    remedy: `Begin anew with: syncline sync --org ${run.orgId}`,
  })
}
