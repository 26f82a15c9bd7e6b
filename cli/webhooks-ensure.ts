// `syncline webhooks ensure`: one subscription per event that the manifest knows; creates, switches on, moves and removes. Can be said again.
import { Command } from 'commander'
import type { Subscription, WebhookDialect } from '../adapters/core/webhooks.ts'
import { adapterByName } from '../adapters/index.ts'
import { recordAudit } from '../ledger/audit.ts'
import type { Connection } from '../ledger/organisations.ts'
import { ensureEndpoint, forgetSubscriptions, savedSubscriptions, saveSubscription } from '../ledger/webhooks.ts'
import type { DeliveryReader } from '../manifests/manifest.ts'
import { SynclineError } from '../platform/errors.ts'
import { inTransaction } from '../platform/postgres.ts'
import { pathOfEndpoint } from '../producers/webhooks/answer.ts'
import { createSubscriptionsApi, planSubscriptions, type Step } from '../producers/webhooks/subscriptions.ts'
import { chooseConnection, requireOrg } from './connection-choice.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { printJson, say } from './terminal.ts'
import { withVendor } from './vendor.ts'
import { count } from './words.ts'

const TEXT = `
Say it again whenever something is in doubt: after the address has changed, after the API has switched subscriptions off, after a secret
has become known (--rotate). The secret before is accepted for 24 hours, so that deliveries under way are not refused.

Examples:
  $ syncline webhooks ensure --org acme --url https://hooks.example.org
  $ syncline webhooks ensure --org acme --url https://hooks.example.org --rotate`

interface EnsureOptions {
  readonly org: string
  readonly source?: string
  readonly url: string
  readonly rotate?: boolean
  readonly json?: boolean
}

export const ensureWebhooksCommand = (): Command =>
  new Command('ensure')
    .description('create, verify and repair the subscriptions of a connection')
    .requiredOption('--org <id>', 'the organisation')
    .option('--source <name>', 'its connected account, if it has several')
    .requiredOption(
      '--url <base>',
      'where `syncline worker webhooks` is reached from outside, as https://host or https://host/prefix',
    )
    .option('--rotate', 'have the API make new secrets')
    .option('--json', 'one JSON line for each subscription')
    .addHelpText('after', TEXT)
    .action((options: EnsureOptions) => withLedger((runtime) => ensure(runtime, options)))

interface Webhooks {
  readonly dialect: WebhookDialect
  readonly deliveries: DeliveryReader
}

/** Throws SynclineError('usage') when the API has none. */
export const webhooksOf = ({ adapter }: Connection): Webhooks => {
  const { webhooks: dialect, manifest } = adapterByName(adapter)
  if (dialect !== null && manifest.deliveries !== null) return { dialect, deliveries: manifest.deliveries }
  throw new SynclineError('usage', `The API ${adapter} has no webhooks.`, { remedy: 'A delta sync finds what changed.' })
}

const baseOf = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : null
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '' && url.username === ''
  if (isPlain) return text.replace(/\/+$/, '')
  throw new SynclineError('usage', 'The --url is not an address of its own.', {
    remedy: 'Give it as https://host or https://host/prefix.',
  })
}

const DONE: Readonly<Record<Step['kind'], string>> = {
  keep: 'in order',
  activate: 'switched on again',
  rotate: 'given a new secret',
  create: 'created',
  remove: 'removed',
}

const ensure = async (runtime: Runtime, options: EnsureOptions): Promise<void> => {
  const connection = chooseConnection(await requireOrg(runtime, options.org), options)
  const { dialect, deliveries } = webhooksOf(connection)
  const base = baseOf(options.url)
  const { orgId, source } = connection
  const token = await ensureEndpoint(runtime.pool, connection, base)
  const path = pathOfEndpoint({ orgId, source, token })
  const wanted = { events: deliveries.events, url: base + path, path, rotate: options.rotate === true }
  const done = new Map<string, number>()
  await withVendor(runtime, connection, async ({ vendor, api, interruptible }) => {
    const subscriptions = createSubscriptionsApi({ dialect, api, auth: vendor.auth, signal: interruptible() })
    for (const step of planSubscriptions(await subscriptions.list(), wanted)) {
      const subscription = await subscriptions.carryOut(step, wanted.url)
      if (subscription !== undefined) await save(runtime, connection, subscription)
      const event = step.kind === 'create' ? step.event : step.subscription.event
      if (options.json) printJson({ type: 'webhook-subscription', org: orgId, source, event, done: step.kind })
      done.set(DONE[step.kind], (done.get(DONE[step.kind]) ?? 0) + 1)
    }
  })
  await tidy(runtime, connection, deliveries.events)
  const facts = Object.fromEntries(done)
  await inTransaction(runtime.pool, (client) =>
    recordAudit(client, { orgId, action: 'webhooks.ensured', subject: source, facts }),
  )
  say(`Subscriptions of ${orgId}: ${[...done].map(([what, n]) => `${n} ${what}`).join(', ')}.`)
  say(`Deliveries go to ${base}/webhooks/${orgId}/${source}/…; take them with: syncline worker webhooks`)
}

/** The secret that the API says it signs with. One that we did not know replaces ours, which is accepted for a time still. */
const save = async (runtime: Runtime, connection: Connection, { id, event, secret }: Subscription): Promise<void> => {
  const key = runtime.encryptionKey()
  if (secret === null) throw new SynclineError('internal', `The secret of ${event} is not known.`)
  const known = (await savedSubscriptions(runtime.pool, key, connection)).find((saved) => saved.event === event)
  const replacesSecret = known !== undefined && known.secret !== secret
  const { orgId, source } = connection
  await saveSubscription(runtime.pool, key, { orgId, source, event, subscriptionId: id, secret, replacesSecret })
}

const tidy = async (runtime: Runtime, connection: Connection, events: readonly string[]): Promise<void> => {
  const saved = await savedSubscriptions(runtime.pool, runtime.encryptionKey(), connection)
  const unwanted = saved.map(({ event }) => event).filter((event) => !events.includes(event))
  await forgetSubscriptions(runtime.pool, connection, unwanted)
  if (unwanted.length > 0) say(`${count(unwanted.length, 'event')} that this version does not know: forgotten.`)
}
