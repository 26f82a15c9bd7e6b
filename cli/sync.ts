// `syncline sync`: asks for a run, checks address and credential first, and if wished waits for it or brings its own workers.
import { Command } from 'commander'
import type { Connection } from '../ledger/organisations.ts'
import { createRun } from '../ledger/runs.ts'
import { requireUnpaused } from '../ledger/source-health.ts'
import { probeVendor } from '../producers/probe.ts'
import { ending, followRun, prepareWorkers } from './follow.ts'
import { askedOf, type RunOptions, showPlan, withRunOptions } from './plan.ts'
import { type Runtime, withRuntime } from './runtime.ts'
import { printJson, say } from './terminal.ts'
import { withVendor } from './vendor.ts'

const EXAMPLES = `
Examples:
  $ syncline sync --org acme --wait                    # workers run elsewhere
  $ syncline sync --org acme --with-workers            # all roles in this process
  $ syncline sync --org acme --select person,email --with-workers --json
  $ syncline sync --org acme --select +group-membership --exclude campus
  $ syncline sync --org acme --strategy delta --wait                  # what has changed
  $ syncline sync --org acme --strategy delta --since 2026-11-20T08:00Z
  $ syncline sync --org acme --strategy reconcile --wait              # everything, and what is gone
  $ syncline sync --org acme --strategy delta --dry-run

Strategies: full reads everything. delta reads what has changed since an entity was last read to its end, and everything of an entity
where that is not known or the API does not tell changes. reconcile reads everything and deletes the rows that are gone at the API.

Exit codes: 0 complete, 1 failed, 2 usage, 3 complete with exceptions, 4 auth, 5 not begun: one is running or paused, 130 interrupted.`

export interface SyncOptions extends RunOptions {
  readonly dryRun?: boolean
  readonly wait?: boolean
  readonly withWorkers?: boolean
}

export const syncCommand = (): Command =>
  withRunOptions(new Command('sync'))
    .option('--dry-run', 'the same as `syncline plan`: say what would be read and what it costs, and begin nothing')
    .option('--wait', 'wait for the end of the run')
    .option('--with-workers', 'run all worker roles in this process until the run ends')
    .addHelpText('after', EXAMPLES)
    .action((options: SyncOptions) =>
      ending(
        withRuntime((runtime) => sync(runtime, options)),
        options,
      ),
    )

export const sync = async (runtime: Runtime, options: SyncOptions): Promise<void> => {
  await runtime.migrate()
  // Before anything is begun: a run that would read nothing is none.
  const asked = await askedOf(runtime, options)
  if (options.dryRun) return showPlan(runtime, asked, options)
  const { connection, run } = asked
  await probe(runtime, connection, run.selection)
  await prepareWorkers(runtime, options)
  const runId = await createRun(runtime.pool, run)
  if (options.json) printJson({ type: 'run-created', runId, org: run.orgId, source: run.source, strategy: run.strategy })
  say(`Run ${runId}`)
  process.exitCode = await followRun(runtime, runId, options)
}

/** One request before anything is begun, so that a wrong address or credential is told at once; none to an API that is to be left alone. */
export const probe = async (runtime: Runtime, connection: Connection, selection: readonly string[]): Promise<void> => {
  await requireUnpaused(runtime.pool, connection)
  await withVendor(runtime, connection, ({ vendor, limiter }) => probeVendor(vendor, limiter, selection, say))
}
