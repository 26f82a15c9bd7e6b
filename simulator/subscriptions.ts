// /webhooks/v2/webhook_subscriptions, without HTTP: a method, a path and a body in, an answer out.
import { z } from 'zod'
import { type Answer, badPayload, emptyAnswer, jsonAnswer, notFound } from './answer.ts'
import type { SimulatedSubscription, Webhooks } from './webhooks.ts'

const creationSchema = z.object({
  data: z.object({ attributes: z.object({ name: z.string(), url: z.url(), active: z.boolean().optional() }) }),
})
const changeSchema = z.object({ data: z.object({ attributes: z.object({ active: z.boolean() }) }) })

const resource = ({ id, name, url, active, secret }: SimulatedSubscription) => ({
  type: 'WebhookSubscription',
  id,
  attributes: { name, url, active, authenticity_secret: secret },
})

const readJson = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

const list = (webhooks: Webhooks, url: URL): Answer => {
  const perPage = Math.min(100, Number(url.searchParams.get('per_page') ?? 25))
  const offset = Number(url.searchParams.get('offset') ?? 0)
  const all = [...webhooks.subscriptions.values()]
  const data = all.slice(offset, offset + perPage).map(resource)
  const next = offset + perPage < all.length ? { next: { offset: offset + perPage } } : {}
  return jsonAnswer(200, { data, meta: { total_count: all.length, count: data.length, ...next } })
}

const create = (webhooks: Webhooks, body: string): Answer => {
  const read = creationSchema.safeParse(readJson(body))
  if (!read.success) return badPayload('A subscription has a name and a url')
  const { name, url, active = true } = read.data.data.attributes
  const subscription = webhooks.subscribe(name, url)
  subscription.active = active
  return jsonAnswer(201, { data: resource(subscription) })
}

const change = (subscription: SimulatedSubscription, body: string): Answer => {
  const read = changeSchema.safeParse(readJson(body))
  if (!read.success) return badPayload('Only active can be changed')
  subscription.active = read.data.data.attributes.active
  return jsonAnswer(200, { data: resource(subscription) })
}

export const answerSubscriptions = (webhooks: Webhooks, method: string, url: URL, body: string): Answer => {
  const [, , , collection, id, action] = url.pathname.split('/')
  if (collection !== 'webhook_subscriptions') return notFound()
  if (id === undefined || id === '') {
    if (method === 'GET') return list(webhooks, url)
    return method === 'POST' ? create(webhooks, body) : notFound()
  }
  const subscription = webhooks.subscriptions.get(id)
  if (subscription === undefined) return notFound()
  if (method === 'POST' && action === 'rotate_secret') {
    webhooks.rotate(id)
    return jsonAnswer(200, { data: resource(subscription) })
  }
  if (action !== undefined) return notFound()
  if (method === 'PATCH') return change(subscription, body)
  if (method === 'DELETE') webhooks.remove(id)
  return method === 'DELETE' ? emptyAnswer(204) : jsonAnswer(200, { data: resource(subscription) })
}
