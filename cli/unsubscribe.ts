// Subscriptions of connections that are about to go, removed at their APIs: connections go in, what became of the subscriptions of each
// comes out. Best effort: an API that does not answer keeps nobody from leaving, and it is said what is left there.
import { recordAudit } from '../ledger/audit.ts'
import type { Connection } from '../ledger/organisations.ts'
import { type Endpoint, findEndpoint } from '../ledger/webhooks.ts'
import { messageOf } from '../platform/errors.ts'
import { inTransaction } from '../platform/postgres.ts'
import { pathOfEndpoint } from '../producers/webhooks/answer.ts'
import { createSubscriptionsApi, planSubscriptions } from '../producers/webhooks/subscriptions.ts'
import type { Runtime } from './runtime.ts'
import { webhooksOf } from './subscribe.ts'
import { say } from './terminal.ts'
import { withVendor } from './vendor.ts'

export interface Unsubscribed {
  readonly source: string
  readonly removed: number
  /** Why some may still be there; null: none is. */
  readonly left: string | null
}

const PATIENCE_MS = 20_000

/** To be called while the ledger still has their credentials. One that was never told of changes costs no request. */
export const unsubscribe = async (runtime: Runtime, connections: readonly Connection[]): Promise<readonly Unsubscribed[]> => {
  const told: Unsubscribed[] = []
  for (const connection of connections) {
    const endpoint = await findEndpoint(runtime.pool, connection)
    if (endpoint !== undefined) told.push(await unsubscribeOne(runtime, connection, endpoint))
  }
  return told
}

const unsubscribeOne = async (runtime: Runtime, connection: Connection, endpoint: Endpoint): Promise<Unsubscribed> => {
  const { orgId, source } = connection
  let removed = 0
  let left: string | null = null
  try {
    await removeAll(runtime, connection, endpoint, () => removed++)
  } catch (error) {
    left = messageOf(error)
  }
  await inTransaction(runtime.pool, (client) =>
    recordAudit(client, { orgId, action: 'webhooks.removed', subject: source, facts: { removed, all: left === null } }),
  )
  say(`Subscriptions of ${orgId}/${source} at its API: ${removed} removed.`)
  if (left !== null) {
    say(`Others may be there still: ${left}`)
    say(`Remove at the API what delivers to ${endpoint.baseUrl}/webhooks/${orgId}/${source}/… by hand.`)
  }
  return { source, removed, left }
}

const removeAll = (runtime: Runtime, connection: Connection, endpoint: Endpoint, onRemoved: () => void): Promise<void> => {
  const { dialect } = webhooksOf(connection)
  const path = pathOfEndpoint(endpoint)
  return withVendor(runtime, connection, async ({ vendor, api }) => {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    const subscriptions = createSubscriptionsApi({ dialect, api, auth: vendor.auth, signal })
    const url = endpoint.baseUrl + path
    for (const step of planSubscriptions(await subscriptions.list(), { events: [], url, path, rotate: false })) {
      await subscriptions.carryOut(step, url)
      onRemoved()
    }
  })
}
