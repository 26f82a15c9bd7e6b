// Subscriptions of a connection brought to what the manifest wants: goes in what the API has, come out the steps; then they are done.
// Must hold: a step that was done and not written down is found done the next time, and its secret taken from the API.
import type { ApiConnection, ApiRequest, ApiResponse, AuthProvider } from '../../adapters/core/adapter.ts'
import { sendWithRetry } from '../../adapters/core/retry.ts'
import type { Subscription, WebhookDialect } from '../../adapters/core/webhooks.ts'
import { SynclineError } from '../../platform/errors.ts'

export type Step =
  | { readonly kind: 'keep' | 'activate' | 'rotate'; readonly subscription: Subscription }
  | { readonly kind: 'create'; readonly event: string }
  | { readonly kind: 'remove'; readonly subscription: Subscription; readonly why: 'moved' | 'unwanted' | 'double' }

export interface Wanted {
  readonly events: readonly string[]
  readonly url: string
  /** The part of the path that is ours alone, whatever the host: subscriptions to it are ours. */
  readonly path: string
  readonly rotate: boolean
}

const stepFor = (subscription: Subscription, rotate: boolean): Step => {
  if (!subscription.active) return { kind: 'activate', subscription }
  return { kind: rotate ? 'rotate' : 'keep', subscription }
}

/** Pure. What is not ours is left alone; what is to go is removed last, so that nothing is missed in between. */
export const planSubscriptions = (existing: readonly Subscription[], { events, url, path, rotate }: Wanted): readonly Step[] => {
  const ours = existing.filter((subscription) => subscription.url.endsWith(path))
  const kept = new Map<string, Subscription>()
  const removed: Step[] = []
  for (const subscription of ours) {
    const { event } = subscription
    if (!events.includes(event)) removed.push({ kind: 'remove', subscription, why: 'unwanted' })
    else if (subscription.url !== url) removed.push({ kind: 'remove', subscription, why: 'moved' })
    else if (kept.has(event)) removed.push({ kind: 'remove', subscription, why: 'double' })
    else kept.set(event, subscription)
  }
  const steps = events.map((event): Step => {
    const subscription = kept.get(event)
    return subscription === undefined ? { kind: 'create', event } : stepFor(subscription, rotate)
  })
  return [...steps, ...removed]
}

export interface SubscriptionsApi {
  list(): Promise<readonly Subscription[]>
  /** The subscription as it is now; undefined: it is gone. Its secret is never null. */
  carryOut(step: Step, url: string): Promise<Subscription | undefined>
}

export interface SubscriptionsDeps {
  readonly dialect: WebhookDialect
  readonly api: ApiConnection
  readonly auth: AuthProvider
  readonly signal: AbortSignal
}

export const createSubscriptionsApi = ({ dialect, api, auth, signal }: SubscriptionsDeps): SubscriptionsApi => {
  const send = <T>(request: ApiRequest, read: (response: ApiResponse) => T) => sendWithRetry(api, request, read, { auth, signal })
  const one = (request: ApiRequest) => send(request, ({ body }) => dialect.parseOne(body))

  const carryOut = async (step: Step, url: string): Promise<Subscription | undefined> => {
    switch (step.kind) {
      case 'keep':
        return step.subscription
      case 'create':
        return one(dialect.create(step.event, url))
      case 'activate':
        return { ...step.subscription, ...(await one(dialect.activate(step.subscription.id))) }
      case 'rotate':
        return one(dialect.rotateSecret(step.subscription.id))
      case 'remove':
        await send(dialect.remove(step.subscription.id), () => undefined)
        return undefined
    }
  }

  return {
    list: async () => {
      const all: Subscription[] = []
      for (let offset: number | null = 0; offset !== null; ) {
        const { subscriptions, next }: ReturnType<WebhookDialect['parseList']> = await send(dialect.list(offset), ({ body }) =>
          dialect.parseList(body),
        )
        all.push(...subscriptions)
        offset = next !== null && next > offset ? next : null
      }
      return all
    },
    carryOut: async (step, url) => {
      const subscription = await carryOut(step, url)
      if (subscription === undefined || subscription.secret !== null) return subscription
      // An API that tells a secret only once: it is given a new one, or nothing that it signs could be believed.
      const rotated = await one(dialect.rotateSecret(subscription.id))
      if (rotated.secret !== null) return rotated
      throw new SynclineError('bad-response', `The API does not tell the secret of its subscription to ${subscription.event}.`)
    },
  }
}
