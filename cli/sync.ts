// `syncline sync`: asks for a run, checks address and credential first, and if wished waits for it or brings its own workers.
import { Command, Option } from 'commander'
import type { Connection } from '../ledger/organisations.ts'
import { createRun } from '../ledger/runs.ts'
import { requireUnpaused } from '../ledger/source-health.ts'
import { STRATEGIES, type Strategy } from '../manifests/strategy.ts'
import { SynclineError } from '../platform/errors.ts'
import { probeVendor } from '../producers/probe.ts'
import { chooseSelection, EXCLUDE_HELP, parseStrategy, SELECT_HELP } from './choose.ts'
import { chooseConnection, requireOrg } from './connection-choice.ts'
import { planOf, showPlan } from './dry-run.ts'
import { followRun } from './follow.ts'
import { prepareInstallation } from './roles.ts'
import { type Runtime, withRuntime } from './runtime.ts'
import { parseSince } from './since.ts'
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

export interface SyncOptions {
  readonly org: string
  readonly source?: string
  readonly strategy: string
  readonly select?: string
  readonly exclude?: string
  readonly since?: Date
  readonly dryRun?: boolean
  readonly wait?: boolean
  readonly withWorkers?: boolean
  readonly json?: boolean
}

export const syncCommand = (): Command =>
  new Command('sync')
    .requiredOption('--org <id>', 'the organisation')
    .option('--source <name>', 'which connected account, when there are several')
    .addOption(new Option('--strategy <name>', 'what is read').choices(STRATEGIES).default('full'))
    .option('--select <entities>', SELECT_HELP)
    .option('--exclude <entities>', EXCLUDE_HELP)
    .option('--since <time>', 'with delta: what has changed since then, e.g. 36h or 2026-11-20', (text) => parseSince(text))
    .option('--dry-run', 'say what would be read, and ask for nothing')
    .option('--wait', 'wait for the end of the run')
    .option('--with-workers', 'run all worker roles in this process until the run ends')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', EXAMPLES)
    .action((options: SyncOptions) => withRuntime((runtime) => sync(runtime, options)))

export const sync = async (runtime: Runtime, options: SyncOptions): Promise<void> => {
  const strategy = strategyOf(options)
  await runtime.migrate()
  const connection = chooseConnection(await requireOrg(runtime, options.org), options)
  const { orgId, source, adapter } = connection
  const selection = chooseSelection(adapter, options)
  const asked = { orgId, source, adapter, strategy, selection, ...(options.since && { changedSince: options.since }) }
  // Before anything is begun: a run that would read nothing is none.
  const plan = await planOf(runtime, asked)
  if (options.dryRun) return showPlan(asked, plan, options)
  await probe(runtime, connection, selection)
  await prepareInstallation(runtime)
  const runId = await createRun(runtime.pool, asked)
  if (options.json) printJson({ type: 'run-created', runId, org: orgId, source, strategy })
  say(`Run ${runId}`)
  process.exitCode = await followRun(runtime, runId, options)
}

const strategyOf = ({ strategy, since }: SyncOptions): Strategy => {
  const found = parseStrategy(strategy)
  if (since === undefined || found === 'delta') return found
  throw new SynclineError('usage', `A ${found} run reads everything: --since is for a delta.`, {
    remedy: 'Say --strategy delta, or leave out --since.',
  })
}

/** One request before anything is begun, so that a wrong address or credential is told at once; none to an API that is to be left alone. */
export const probe = async (runtime: Runtime, connection: Connection, selection: readonly string[]): Promise<void> => {
  await requireUnpaused(runtime.pool, connection)
  await withVendor(runtime, connection, ({ vendor, limiter }) => probeVendor(vendor, limiter, selection, say))
}
