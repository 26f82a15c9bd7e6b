// `syncline sync`: asks for a run, checks address and credential first, and if wished waits for it or brings its own workers.
import { Command } from 'commander'
import { adapterByName } from '../adapters/index.ts'
import type { Connection } from '../ledger/organisations.ts'
import { createRun } from '../ledger/runs.ts'
import { SynclineError } from '../platform/errors.ts'
import { probeVendor } from '../producers/probe.ts'
import { chooseConnection, requireOrg } from './connection-choice.ts'
import { followRun } from './follow.ts'
import { prepareInstallation } from './roles.ts'
import { type Runtime, withRuntime } from './runtime.ts'
import { printJson, say } from './terminal.ts'
import { withVendor } from './vendor.ts'

const EXAMPLES = `
Examples:
  $ syncline sync --org acme --wait                    # workers run elsewhere
  $ syncline sync --org acme --with-workers            # all roles in this process
  $ syncline sync --org acme --select person,email --with-workers --json

Exit codes: 0 complete, 1 failed, 2 usage, 3 complete with exceptions, 4 auth, 5 already running, 130 interrupted.`

export interface SyncOptions {
  readonly org: string
  readonly source?: string
  readonly strategy: string
  readonly select?: string
  readonly wait?: boolean
  readonly withWorkers?: boolean
  readonly json?: boolean
}

export const syncCommand = (): Command =>
  new Command('sync')
    .description('sync an organisation')
    .requiredOption('--org <id>', 'the organisation')
    .option('--source <name>', 'which connected account, when there are several')
    .option('--strategy <name>', 'full', 'full')
    .option('--select <entities>', 'only these, separated by commas')
    .option('--wait', 'wait for the end of the run')
    .option('--with-workers', 'run all worker roles in this process until the run ends')
    .option('--json', 'one JSON object a line on stdout')
    .addHelpText('after', EXAMPLES)
    .action((options: SyncOptions) => withRuntime((runtime) => sync(runtime, options)))

export const sync = async (runtime: Runtime, options: SyncOptions): Promise<void> => {
  await runtime.migrate()
  const connection = chooseConnection(await requireOrg(runtime, options.org), options)
  const selection = parseSelection(connection.adapter, options)
  await probe(runtime, connection, selection)
  await prepareInstallation(runtime)
  const { orgId, source, adapter } = connection
  const runId = await createRun(runtime.pool, { orgId, source, adapter, strategy: 'full', selection })
  if (options.json) printJson({ type: 'run-created', runId, org: orgId, source, strategy: 'full' })
  say(`Run ${runId}`)
  process.exitCode = await followRun(runtime, runId, options)
}

const parseSelection = (adapter: string, { select, strategy }: SyncOptions): readonly string[] => {
  if (strategy !== 'full') {
    throw new SynclineError('usage', `There is no strategy '${strategy}'.`, { remedy: 'Use --strategy full.' })
  }
  const { manifest } = adapterByName(adapter)
  if (select === undefined) return manifest.definitions.map((definition) => definition.entity)
  const names = [
    ...new Set(
      select
        .split(',')
        .map((name) => name.trim())
        .filter(Boolean),
    ),
  ]
  if (names.length === 0)
    throw new SynclineError('usage', '--select names no entity.', { remedy: 'See them with: syncline graph' })
  return names.map((name) => manifest.get(name).entity)
}

/** One request before anything is begun, so that a wrong address or credential is told at once. */
const probe = (runtime: Runtime, connection: Connection, selection: readonly string[]): Promise<void> =>
  withVendor(runtime, connection, (vendor, limiter) => probeVendor(vendor, limiter, selection, say))
