// Subscriptions and deliveries as the vendor has them: signed, at least once, in no order, again with growing delays after a refusal,
// switched off after a 410 or the last try. Tests script how deliveries come.
import { createHmac, randomBytes, randomUUID } from 'node:crypto'
import { messageOf } from '../platform/errors.ts'

export interface SimulatedSubscription {
  readonly id: string
  readonly name: string
  readonly url: string
  active: boolean
  secret: string
}

/** How one delivery comes; default: once, at once, signed. */
export interface Manner {
  readonly copies?: number
  readonly delayMs?: number
  /** Its first attempt is signed with a wrong secret. */
  readonly forged?: boolean
}

export interface Told {
  readonly event: string
  /** Text of JSON. */
  readonly payload: string
}

export interface WebhookStats {
  /** Deliveries that were answered with 2xx. */
  readonly delivered: number
  /** Deliveries that have not been, and will be tried. */
  readonly pending: number
  /** Attempts by status; `none`: no answer. */
  readonly attempts: Readonly<Record<string, number>>
}

export interface Webhooks {
  readonly subscriptions: ReadonlyMap<string, SimulatedSubscription>
  subscribe(name: string, url: string): SimulatedSubscription
  rotate(id: string): SimulatedSubscription | undefined
  remove(id: string): boolean
  /** Delivers to every subscription of the event that is switched on. */
  publish(told: Told): void
  /** From now on: what becomes of each delivery. */
  script(manner: (told: Told) => Manner): void
  /** From now on: the wait before the second attempt, which doubles with each; at most 16 attempts. */
  retryAfter(ms: number): void
  stats(): WebhookStats
  close(): void
}

interface Delivery {
  readonly subscription: SimulatedSubscription
  readonly id: string
  readonly told: Told
  readonly at: string
  readonly forged: boolean
  attempt: number
}

const MAX_ATTEMPTS = 16
const MAX_UNDER_WAY = 32
const PATIENCE_MS = 10_000
/** So that the last of 16 attempts is made after about five days. */
const RETRY_MS = 15_000
const MAX_RETRY_MS = 86_400_000

/** `secretPrefix`: secrets begin so, for tests that look for them where none may be. */
export const createWebhooks = (organizationId: () => string, now: () => number, secretPrefix = ''): Webhooks => {
  const newSecret = (): string => secretPrefix + randomBytes(32).toString('hex')
  const subscriptions = new Map<string, SimulatedSubscription>()
  const timers = new Set<NodeJS.Timeout>()
  const attempts = new Map<string, number>()
  const queue: Delivery[] = []
  let mannerOf: (told: Told) => Manner = () => ({})
  let retryMs = RETRY_MS
  let nextId = 1
  let underWay = 0
  let delivered = 0
  let isClosed = false

  const bodyOf = ({ id, told, attempt }: Delivery): string =>
    JSON.stringify({
      data: [
        {
          id,
          type: 'EventDelivery',
          attributes: { name: told.event, attempt, payload: told.payload },
          relationships: { organization: { data: { type: 'Organization', id: organizationId() } } },
        },
      ],
    })

  const send = async (delivery: Delivery): Promise<number | undefined> => {
    const { subscription, id, told, at, attempt, forged } = delivery
    const body = bodyOf(delivery)
    const secret = forged && attempt === 1 ? 'a wrong secret' : subscription.secret
    const response = await fetch(subscription.url, {
      method: 'POST',
      body,
      headers: {
        'content-type': 'application/json',
        'x-pco-webhooks-authenticity': createHmac('sha256', secret).update(body).digest('hex'),
        'x-pco-webhooks-name': told.event,
        'x-pco-webhooks-event-id': id,
        'x-pco-webhooks-event-time': at,
        'x-pco-webhooks-attempt': String(attempt),
      },
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).catch((error: unknown) => void messageOf(error))
    await response?.arrayBuffer().catch(() => undefined)
    return response?.status
  }

  const later = (ms: number, work: () => void): void => {
    const timer = setTimeout(() => {
      timers.delete(timer)
      work()
    }, ms)
    timers.add(timer)
  }

  const enqueue = (delivery: Delivery): void => {
    queue.push(delivery)
    fill()
  }

  const fill = (): void => {
    while (underWay < MAX_UNDER_WAY && !isClosed) {
      const delivery = queue.shift()
      if (delivery === undefined) return
      if (!delivery.subscription.active) continue
      underWay++
      attempt(delivery).finally(() => {
        underWay--
        fill()
      })
    }
  }

  const attempt = async (delivery: Delivery): Promise<void> => {
    const status = await send(delivery)
    if (isClosed) return
    const name = status === undefined ? 'none' : String(status)
    attempts.set(name, (attempts.get(name) ?? 0) + 1)
    if (status !== undefined && status >= 200 && status < 300) {
      delivered++
      return
    }
    delivery.attempt++
    if (status === 410 || delivery.attempt > MAX_ATTEMPTS) {
      delivery.subscription.active = false
      return
    }
    later(Math.min(MAX_RETRY_MS, retryMs * 2 ** (delivery.attempt - 2)), () => enqueue(delivery))
  }

  const deliver = (subscription: SimulatedSubscription, told: Told): void => {
    const { copies = 1, delayMs = 0, forged = false } = mannerOf(told)
    const [id, at] = [randomUUID(), new Date(now()).toISOString()]
    for (let copy = 0; copy < copies; copy++) {
      const delivery = { subscription, id, told, at, forged, attempt: 1 }
      if (delayMs > 0) later(delayMs * (1 + copy), () => enqueue(delivery))
      else enqueue(delivery)
    }
  }

  return {
    subscriptions,
    subscribe: (name, url) => {
      const subscription = { id: String(nextId++), name, url, active: true, secret: newSecret() }
      subscriptions.set(subscription.id, subscription)
      return subscription
    },
    rotate: (id) => {
      const subscription = subscriptions.get(id)
      if (subscription !== undefined) subscription.secret = newSecret()
      return subscription
    },
    remove: (id) => {
      const subscription = subscriptions.get(id)
      if (subscription !== undefined) subscription.active = false
      return subscriptions.delete(id)
    },
    publish: (told) => {
      for (const subscription of subscriptions.values())
        if (subscription.name === told.event && subscription.active) deliver(subscription, told)
    },
    script: (manner) => {
      mannerOf = manner
    },
    retryAfter: (ms) => {
      retryMs = ms
    },
    stats: () => ({ delivered, pending: queue.length + underWay + timers.size, attempts: Object.fromEntries(attempts) }),
    close: () => {
      isClosed = true
      for (const timer of timers) clearTimeout(timer)
      timers.clear()
    },
  }
}
