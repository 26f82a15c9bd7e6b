// `syncline org add`: an organisation with a fixed credential, such as a personal access token.
import { Command } from 'commander'
import { adapterByName } from '../adapters/index.ts'
import { listConnections, saveConnection } from '../ledger/organisations.ts'
import { SynclineError } from '../platform/errors.ts'
import { parseLimit } from '../producers/connections.ts'
import { parseBaseUrl, parseOrgId, parseSource } from './connection-choice.ts'
import { readCredential } from './credential.ts'
import { addDefaultSchedules } from './default-schedules.ts'
import { publicOf } from './org-list.ts'
import { withRuntime } from './runtime.ts'
import { subscribeByDefault } from './subscribe.ts'
import { printJson, say } from './terminal.ts'

const EXAMPLES = `
Examples:
  $ echo "$APP_ID:$SECRET" | syncline org add acme --pat-stdin
  $ SYNCLINE_PAT=id:secret syncline org add acme --base-url http://127.0.0.1:4010
  $ echo "$APP_ID:$SECRET" | syncline org add acme --source second-campus --pat-stdin`

interface AddOptions {
  readonly adapter: string
  readonly source?: string
  readonly baseUrl?: string
  readonly rate?: string
  readonly pat?: string
  readonly patStdin?: boolean
  readonly schedules: boolean
  readonly json?: boolean
}

export const addCommand = (): Command =>
  new Command('add')
    .description('connect an organisation by a personal access token, or give it a new one: address and limit stay')
    .argument('<id>', 'lower-case letters, digits and dashes')
    .option('--adapter <name>', 'the API it is connected to', 'pco')
    .option('--source <name>', 'name of the connected account; default: the adapter')
    .option('--base-url <url>', 'another address of the API, e.g. a simulator')
    .option('--rate <requests/seconds>', "a limit other than the API's usual one, e.g. 200/20; none: no limit")
    .option('--pat-stdin', 'read the personal access token (of PCO id:secret) from standard input')
    .option('--no-schedules', 'let nothing run by itself')
    .option('--pat <id:secret>', 'the token itself; better use --pat-stdin or SYNCLINE_PAT')
    .option('--json', 'print one JSON line')
    .addHelpText('after', EXAMPLES)
    .action(addOrg)

export const checkRate = (rate: string | undefined): string | null => {
  if (rate === undefined) return null
  if (parseLimit(rate) !== undefined) return rate
  throw new SynclineError('usage', `'${rate}' is not a rate limit.`, {
    remedy: 'Give it as requests/seconds, e.g. 100/20, or none.',
  })
}

/** What runs by itself from now on. */
export const sayScheduled = (orgId: string, schedules: readonly string[]): void => {
  if (schedules.length > 0) say(`It runs by itself: ${schedules.join(', ')}. See: syncline schedule list --org ${orgId}`)
}

const addOrg = async (id: string, options: AddOptions): Promise<void> => {
  const orgId = parseOrgId(id)
  const adapter = adapterByName(options.adapter)
  const said = { baseUrl: parseBaseUrl(options.baseUrl), rateLimit: checkRate(options.rate) }
  const credential = await readCredential(options)
  adapter.auth(credential)
  await withRuntime(async (runtime) => {
    await runtime.migrate()
    const source = parseSource(options.source ?? adapter.name)
    const owner = { orgId, source, adapter: adapter.name }
    // What is not said stays as it was.
    const before = (await listConnections(runtime.pool)).find(
      (each) => each.orgId === orgId && each.source === source && each.adapter === adapter.name,
    )
    const connection = {
      ...owner,
      baseUrl: said.baseUrl ?? before?.baseUrl ?? null,
      settings: before?.settings ?? {},
      rateLimit: said.rateLimit ?? before?.rateLimit ?? null,
      credential,
    }
    const outcome = await saveConnection(runtime.pool, runtime.encryptionKey(), connection)
    const schedules =
      outcome === 'added' && options.schedules ? await addDefaultSchedules(runtime.pool, connection, adapter.name) : []
    say(`Organisation ${orgId} is ${outcome}. Sync it with: syncline sync --org ${orgId}`)
    sayScheduled(orgId, schedules)
    const webhooks = schedules.length > 0 ? await subscribeByDefault(runtime, connection) : null
    if (options.json) printJson({ type: 'org', ...publicOf(connection), outcome, schedules, webhooks })
  })
}
