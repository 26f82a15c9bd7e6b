// `syncline sync`: asks for a run, checks address and credential first, and if wished waits for it or brings its own workers.
import { Command } from 'commander'
import { personalAccessToken } from '../adapters/core/auth.ts'
import { adapterByName } from '../adapters/index.ts'
import { type Connection, openConnection } from '../ledger/organisations.ts'
import { createRun } from '../ledger/runs.ts'
import { requireSettings } from '../platform/config.ts'
import { connectRedis } from '../platform/redis.ts'
import { connectVendor, type VendorConnection } from '../producers/connections.ts'
import { createLimiter } from '../producers/limiter/limiter.ts'
import { probeVendor } from '../producers/probe.ts'
import { chooseConnection, parseSelection, parseStrategy } from './choose.ts'
import { followRun } from './follow.ts'
import { requireOrg } from './org.ts'
import { prepareInstallation, REQUEST_TIMEOUT_MS } from './roles.ts'
import { type Runtime, withRuntime } from './runtime.ts'
import { printJson, say } from './terminal.ts'

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
  const strategy = parseStrategy(options.strategy)
  const selection = selectionOf(connection.adapter, options)
  await probe(runtime, connection, selection)
  await prepareInstallation(runtime)
  const { orgId, source, adapter } = connection
  const runId = await createRun(runtime.pool, { orgId, source, adapter, strategy, selection })
  if (options.json) printJson({ type: 'run-created', runId, org: orgId, source, strategy })
  say(`Run ${runId}`)
  process.exitCode = await followRun(runtime, runId, options)
}

const selectionOf = (adapter: string, { select }: SyncOptions): readonly string[] =>
  select === undefined
    ? adapterByName(adapter).manifest.definitions.map((definition) => definition.entity)
    : parseSelection(adapter, select)

/** One request before anything is begun, so that a wrong address or credential is told at once. */
export const probe = async (runtime: Runtime, { orgId, source }: Connection, selection: readonly string[]): Promise<void> => {
  const opened = await openConnection(runtime.pool, runtime.encryptionKey(), orgId, source)
  if (opened === undefined) return
  const redis = await connectRedis(requireSettings(runtime.config, 'redisUrl').redisUrl, runtime.log)
  const limiter = createLimiter({
    redis,
    logger: runtime.log,
    keyPrefix: runtime.topics.prefix,
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
  })
  let vendor: VendorConnection | undefined
  try {
    vendor = connectVendor(
      {
        pool: runtime.pool,
        limiter,
        encryptionKey: runtime.encryptionKey(),
        adapterOf: adapterByName,
        authOf: (_, credential) => personalAccessToken(credential),
        requestTimeoutMs: REQUEST_TIMEOUT_MS,
      },
      opened.connection,
      opened.credential,
    )
    await probeVendor(vendor, limiter, selection, say)
  } finally {
    await vendor?.api.close()
    redis.close()
  }
}
