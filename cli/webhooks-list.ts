// `syncline webhooks list`: the subscriptions that are saved, and how they stand at the API. Changes nothing.
import { Command } from 'commander'
import type { Subscription } from '../adapters/core/webhooks.ts'
import type { Connection } from '../ledger/organisations.ts'
import { findEndpoint, savedSubscriptions } from '../ledger/webhooks.ts'
import { pathOfEndpoint } from '../producers/webhooks/answer.ts'
import { createSubscriptionsApi } from '../producers/webhooks/subscriptions.ts'
import { chooseConnection, requireOrg } from './connection-choice.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { webhooksOf } from './subscribe.ts'
import { EXIT, print, printJson, say, table } from './terminal.ts'
import { withVendor } from './vendor.ts'

const TEXT = `
Examples:
  $ syncline webhooks list --org acme
  $ syncline webhooks list --org acme --json

Exit codes: 0 all are in order, 1 some are not: mend them with \`syncline webhooks ensure\`.`

interface ListOptions {
  readonly org: string
  readonly source?: string
  readonly json?: boolean
}

export const listWebhooksCommand = (): Command =>
  new Command('list')
    .description('show the subscriptions of a connection, as they stand at the API')
    .requiredOption('--org <id>', 'the organisation')
    .option('--source <name>', 'its connected account, if it has several')
    .option('--json', 'one JSON line for each event')
    .addHelpText('after', TEXT)
    .action((options: ListOptions) => withLedger((runtime) => list(runtime, options)))

type Standing = 'in order' | 'missing' | 'switched off' | 'another secret'

const standingOf = (found: Subscription | undefined, secret: string | undefined): Standing => {
  if (found === undefined) return 'missing'
  if (!found.active) return 'switched off'
  return found.secret === null || found.secret === secret ? 'in order' : 'another secret'
}

const readThere = async (runtime: Runtime, connection: Connection): Promise<readonly Subscription[]> => {
  const endpoint = await findEndpoint(runtime.pool, connection)
  if (endpoint === undefined) return []
  const url = endpoint.baseUrl + pathOfEndpoint(endpoint)
  const { dialect } = webhooksOf(connection)
  const all = await withVendor(runtime, connection, ({ vendor, api, interruptible }) =>
    createSubscriptionsApi({ dialect, api, auth: vendor.auth, signal: interruptible() }).list(),
  )
  return all.filter((subscription) => subscription.url === url)
}

const list = async (runtime: Runtime, options: ListOptions): Promise<void> => {
  const connection = chooseConnection(await requireOrg(runtime, options.org), options)
  const { deliveries } = webhooksOf(connection)
  const there = await readThere(runtime, connection)
  const saved = new Map(
    (await savedSubscriptions(runtime.pool, runtime.encryptionKey(), connection)).map((each) => [each.event, each]),
  )
  const { orgId: org, source } = connection
  const rows = deliveries.events.map((event) => {
    const known = saved.get(event)
    const found = there.find((subscription) => subscription.event === event)
    return { event, standing: standingOf(found, known?.secret), verifiedAt: known?.verifiedAt.toISOString() ?? null }
  })
  if (options.json) for (const row of rows) printJson({ type: 'webhook-subscription', org, source, ...row })
  else
    print(
      table(
        ['EVENT', 'STANDING', 'VERIFIED'],
        rows.map(({ event, standing, verifiedAt }) => [event, standing, verifiedAt ?? '-']),
      ),
    )
  if (rows.every(({ standing }) => standing === 'in order')) return
  process.exitCode = EXIT.failed
  say(`Mend them with: syncline webhooks ensure --org ${org} --url https://HOST`)
}
