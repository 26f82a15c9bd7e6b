// `syncline org`: which organisations are synced, and with which credential.
import { Command } from 'commander'
import { z } from 'zod'
import { personalAccessToken } from '../adapters/core/auth.ts'
import { adapterByName } from '../adapters/index.ts'
import { type Connection, listConnections, removeOrganisation, saveConnection } from '../ledger/organisations.ts'
import { listRuns } from '../ledger/runs.ts'
import { SynclineError } from '../platform/errors.ts'
import { parseLimit } from '../producers/connections.ts'
import { readCredential } from './credential.ts'
import { addDefaultSchedules } from './default-schedules.ts'
import { requireOrg } from './find-org.ts'
import { parseOrgId } from './org-id.ts'
import { orgReaderCommand } from './org-reader.ts'
import { withRuntime } from './runtime.ts'
import { print, printJson, say, table } from './terminal.ts'

export { requireOrg } from './find-org.ts'

const EXAMPLES = `
Examples:
  $ echo "$APP_ID:$SECRET" | syncline org add acme --pat-stdin
  $ SYNCLINE_PAT=id:secret syncline org add acme --base-url http://127.0.0.1:4010
  $ syncline org list --json
  $ syncline org remove acme --yes`

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

export const orgCommand = (): Command =>
  new Command('org')
    .description('add, list and remove organisations')
    .addHelpText('after', EXAMPLES)
    .addCommand(
      new Command('add')
        .description('connect an organisation, or give it a new credential')
        .argument('<id>', 'lower-case letters, digits and dashes')
        .option('--adapter <name>', 'the API it is connected to', 'pco')
        .option('--source <name>', 'name of the connected account; default: the adapter')
        .option('--base-url <url>', 'another address of the API, e.g. a simulator')
        .option('--rate <requests/seconds>', "a limit other than the API's usual one, e.g. 200/20; none: no limit")
        .option('--pat-stdin', 'read the personal access token, id:secret, from standard input')
        .option('--no-schedules', 'let nothing run by itself')
        .option('--pat <id:secret>', 'the token itself; better use --pat-stdin or SYNCLINE_PAT')
        .option('--json', 'print one JSON line')
        .addHelpText('after', EXAMPLES)
        .action(addOrg),
    )
    .addCommand(new Command('list').description('list the organisations').option('--json', 'one JSON line each').action(listOrgs))
    .addCommand(
      new Command('remove')
        .description('forget connection and runs of an organisation; its rows stay')
        .argument('<id>')
        .option('--yes', 'really')
        .option('--json', 'print one JSON line')
        .action(removeOrg),
    )
    .addCommand(orgReaderCommand())

const parseSource = (source: string): string => {
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(source)) return source
  throw new SynclineError('usage', `'${source}' cannot be the name of a source.`, {
    remedy: 'Use lower-case letters, digits and dashes.',
  })
}

const parseBaseUrl = (url: string | undefined): string | null => {
  if (url === undefined) return null
  const parsed = z.url({ protocol: /^https?$/ }).safeParse(url)
  if (parsed.success) return url.replace(/\/+$/, '')
  throw new SynclineError('usage', `'${url}' is not an http or https URL.`, {
    remedy: 'Give it as https://host or http://host:port.',
  })
}

const checkRate = (rate: string | undefined): string | null => {
  if (rate === undefined) return null
  if (parseLimit(rate) !== undefined) return rate
  throw new SynclineError('usage', `'${rate}' is not a rate limit.`, {
    remedy: 'Give it as requests/seconds, e.g. 100/20, or none.',
  })
}

const addOrg = async (id: string, options: AddOptions): Promise<void> => {
  const orgId = parseOrgId(id)
  const adapter = adapterByName(options.adapter)
  const baseUrl = parseBaseUrl(options.baseUrl)
  const credential = await readCredential(options)
  personalAccessToken(credential)
  await withRuntime(async (runtime) => {
    await runtime.migrate()
    const source = parseSource(options.source ?? adapter.name)
    const connection = {
      orgId,
      source,
      adapter: adapter.name,
      baseUrl,
      settings: {},
      rateLimit: checkRate(options.rate),
      credential,
    }
    const outcome = await saveConnection(runtime.pool, runtime.encryptionKey(), connection)
    const added = outcome === 'added' && options.schedules
    const schedules = added ? await addDefaultSchedules(runtime.pool, connection, adapter.name) : []
    if (options.json) printJson({ type: 'org', ...publicOf(connection), outcome, schedules })
    say(`Organisation ${orgId} is ${outcome}. Sync it with: syncline sync --org ${orgId}`)
    if (schedules.length > 0) say(`It runs by itself: ${schedules.join(', ')}. See: syncline schedule list --org ${orgId}`)
  })
}

const publicOf = ({ orgId, source, adapter, baseUrl }: Connection) => ({ org: orgId, source, adapter, baseUrl })

const listOrgs = (options: { json?: boolean }): Promise<void> =>
  withRuntime(async (runtime) => {
    await runtime.migrate()
    const connections = await listConnections(runtime.pool)
    if (options.json) for (const connection of connections) printJson({ type: 'org', ...publicOf(connection) })
    else if (connections.length === 0) say('There are no organisations. Add one with: syncline org add ID --pat-stdin')
    else
      print(
        table(
          ['ORG', 'SOURCE', 'ADAPTER', 'BASE URL'],
          connections.map((c) => [c.orgId, c.source, c.adapter, c.baseUrl ?? 'default']),
        ),
      )
  })

const removeOrg = (orgId: string, options: { yes?: boolean; json?: boolean }): Promise<void> =>
  withRuntime(async (runtime) => {
    await runtime.migrate()
    await requireOrg(runtime, orgId)
    if (!options.yes) {
      throw new SynclineError('usage', `This forgets the connection and the runs of ${orgId}.`, {
        remedy: `If that is what you want: syncline org remove ${orgId} --yes`,
      })
    }
    const [active] = await listRuns(runtime.pool, { orgId, active: true })
    if (active) {
      throw new SynclineError('already-running', `Run ${active.runId} of ${orgId} is ${active.state}.`, {
        remedy: `End it first with: syncline cancel --run ${active.runId}`,
      })
    }
    await removeOrganisation(runtime.pool, orgId)
    if (options.json) printJson({ type: 'org-removed', org: orgId })
    say(`Organisation ${orgId} is removed. Its rows stay in the canonical tables.`)
  })
