// Subscriptions of a connection brought to what its manifest wants, and their secrets kept: a connection and the address of the receivers
// go in, what was done comes out. Can be done again.
import { sendWithRetry } from '../adapters/core/retry.ts'
import type { Subscription, WebhookDialect } from '../adapters/core/webhooks.ts'
import { adapterByName } from '../adapters/index.ts'
import { recordAudit } from '../ledger/audit.ts'
import type { Connection } from '../ledger/organisations.ts'
import { ensureEndpoint, forgetSubscriptions, savedSubscriptions, saveSubscription } from '../ledger/webhooks.ts'
import type { DeliveryReader } from '../manifests/manifest.ts'
import { messageOf, SynclineError } from '../platform/errors.ts'
import { inTransaction } from '../platform/postgres.ts'
import { pathOfEndpoint } from '../producers/webhooks/answer.ts'
import { createSubscriptionsApi, planSubscriptions, type Step } from '../producers/webhooks/subscriptions.ts'
import type { Runtime } from './runtime.ts'
import { say } from './terminal.ts'
import { withVendor } from './vendor.ts'
import { count } from './words.ts'

interface Webhooks {
  readonly dialect: WebhookDialect
  readonly deliveries: DeliveryReader
}

const webhooksIn = ({ adapter }: Connection): Webhooks | undefined => {
  const { webhooks: dialect, manifest } = adapterByName(adapter)
  return dialect === null || manifest.deliveries === null ? undefined : { dialect, deliveries: manifest.deliveries }
}

/** Throws SynclineError('usage') when the API has none. */
export const webhooksOf = (connection: Connection): Webhooks => {
  const webhooks = webhooksIn(connection)
  if (webhooks !== undefined) return webhooks
  throw new SynclineError('usage', `The API ${connection.adapter} has no webhooks.`, {
    remedy: 'A delta sync finds what changed.',
  })
}

const baseOf = (text: string): string => {
  const url = URL.canParse(text) ? new URL(text) : null
  const isPlain = url !== null && /^https?:$/.test(url.protocol) && url.search === '' && url.hash === '' && url.username === ''
  if (isPlain) return text.replace(/\/+$/, '')
  throw new SynclineError('usage', 'The address for webhooks is not an address of its own.', {
    remedy: 'Give it as https://host or https://host/prefix.',
  })
}

export interface Wanted {
  /** Where `syncline worker webhooks` is reached from outside. */
  readonly url: string
  readonly rotate?: boolean
  readonly onStep?: (event: string, step: Step['kind']) => void
  /** Default: as long as it takes. */
  readonly patienceMs?: number
}

export interface Subscribed {
  readonly base: string
  /** What was done, and for how many events. */
  readonly steps: ReadonlyMap<Step['kind'], number>
}

export const subscribe = async (runtime: Runtime, connection: Connection, wanted: Wanted): Promise<Subscribed> => {
  const { dialect, deliveries } = webhooksOf(connection)
  const { rotate = false, onStep = () => undefined, patienceMs } = wanted
  const base = baseOf(wanted.url)
  const { orgId, source } = connection
  const steps = new Map<Step['kind'], number>()
  await withVendor(runtime, connection, async ({ vendor, api, interruptible }) => {
    const patience = patienceMs === undefined ? [] : [AbortSignal.timeout(patienceMs)]
    const signal = AbortSignal.any([interruptible(), ...patience])
    // Before anything is stored or made: what another account would deliver is not to come in.
    await vendor.account.compare((request) => sendWithRetry(api, request, (response) => response, { auth: vendor.auth, signal }))
    const path = pathOfEndpoint({ orgId, source, token: await ensureEndpoint(runtime.pool, connection, base) })
    const subscriptions = createSubscriptionsApi({ dialect, api, auth: vendor.auth, signal })
    const plan = planSubscriptions(await subscriptions.list(), { events: deliveries.events, url: base + path, path, rotate })
    for (const step of plan) {
      const subscription = await subscriptions.carryOut(step, base + path)
      if (subscription !== undefined) await save(runtime, connection, subscription)
      onStep(step.kind === 'create' ? step.event : step.subscription.event, step.kind)
      steps.set(step.kind, (steps.get(step.kind) ?? 0) + 1)
    }
  })
  await tidy(runtime, connection, deliveries.events)
  const facts = Object.fromEntries([...steps].map(([step, n]) => [DONE[step], n]))
  await inTransaction(runtime.pool, (client) =>
    recordAudit(client, { orgId, action: 'webhooks.ensured', subject: source, facts }),
  )
  return { base, steps }
}

export const DONE: Readonly<Record<Step['kind'], string>> = {
  keep: 'in order',
  activate: 'switched on again',
  rotate: 'given a new secret',
  create: 'created',
  remove: 'removed',
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

const PATIENCE_MS = 60_000

/** null: nothing was done, because there is no address for them or the API has none. */
export type DefaultWebhooks = 'on' | 'failed' | null

/** Of a connection that is new. What goes wrong keeps nobody from connecting, and is told with the next step. */
export const subscribeByDefault = async (runtime: Runtime, connection: Connection): Promise<DefaultWebhooks> => {
  const { webhooksUrl: url } = runtime.config
  if (url === undefined || webhooksIn(connection) === undefined) return null
  const { orgId, source } = connection
  try {
    const { base, steps } = await subscribe(runtime, connection, { url, patienceMs: PATIENCE_MS })
    say(`Webhooks are on: ${count(steps.get('create') ?? 0, 'subscription')}, delivered to ${base}/webhooks/${orgId}/${source}/…`)
    return 'on'
  } catch (error) {
    say(`Webhooks could not be switched on: ${messageOf(error)}`)
    say(`Mend that, and say: syncline webhooks ensure --org ${orgId} --source ${source}`)
    return 'failed'
  }
}
