// Planning Center's webhooks: subscriptions below /webhooks/v2, one secret each; a delivery is signed with HMAC-SHA256 over its body,
// in hex. https://developer.planning.center/docs/#/apps/webhooks
import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'
import { badResponse } from '../core/errors.ts'
import type { Subscription, WebhookDialect } from '../core/webhooks.ts'

const PATH = '/webhooks/v2/webhook_subscriptions'
const PER_PAGE = 100
const TYPE = 'WebhookSubscription'

const subscriptionSchema = z.object({
  id: z.union([z.string(), z.number()]).transform(String),
  attributes: z.object({
    name: z.string(),
    url: z.string(),
    active: z.boolean(),
    authenticity_secret: z.string().nullish(),
  }),
})

const toSubscription = ({ id, attributes }: z.output<typeof subscriptionSchema>): Subscription => ({
  id,
  event: attributes.name,
  url: attributes.url,
  active: attributes.active,
  secret: attributes.authenticity_secret ?? null,
})

const listSchema = z.object({
  data: z.array(subscriptionSchema),
  meta: z.object({ next: z.object({ offset: z.number().int().positive() }).optional() }).optional(),
})

/** The message must not quote the body: it holds secrets. */
const parse = <T>(schema: z.ZodType<T>, what: string, body: Buffer): T => {
  let json: unknown
  try {
    json = JSON.parse(body.toString('utf8'))
  } catch {
    throw badResponse(`The answer for ${what} is not JSON`)
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  throw badResponse(
    `The answer for ${what} is not what is documented: ${parsed.error.issues[0]?.path.join('.') ?? 'it'} is wrong`,
  )
}

const SIGNATURE = 'x-pco-webhooks-authenticity'
const HEX = /^[0-9a-f]{64}$/i

const resource = (attributes: Readonly<Record<string, string | boolean>>, id?: string) => ({
  data: { type: TYPE, ...(id === undefined ? {} : { id }), attributes },
})
const pathOf = (id: string): string => `${PATH}/${encodeURIComponent(id)}`

export const pcoWebhooks: WebhookDialect = {
  list: (offset) => ({ method: 'GET', path: PATH, query: { per_page: String(PER_PAGE), offset: String(offset) } }),
  parseList: (body) => {
    const { data, meta } = parse(listSchema, 'the webhook subscriptions', body)
    return { subscriptions: data.map(toSubscription), next: meta?.next?.offset ?? null }
  },
  create: (name, url) => ({ method: 'POST', path: PATH, query: {}, body: resource({ name, url, active: true }) }),
  activate: (id) => ({ method: 'PATCH', path: pathOf(id), query: {}, body: resource({ active: true }, id) }),
  rotateSecret: (id) => ({ method: 'POST', path: `${pathOf(id)}/rotate_secret`, query: {} }),
  remove: (id) => ({ method: 'DELETE', path: pathOf(id), query: {} }),
  parseOne: (body) => toSubscription(parse(z.object({ data: subscriptionSchema }), 'a webhook subscription', body).data),
  eventOf: (headers) => {
    const name = headers['x-pco-webhooks-name']
    return typeof name === 'string' ? name : undefined
  },
  isSigned: (headers, body, secrets) => {
    const signature = headers[SIGNATURE]
    if (typeof signature !== 'string' || !HEX.test(signature)) return false
    const given = Buffer.from(signature, 'hex')
    return secrets.reduce(
      (found, secret) => timingSafeEqual(createHmac('sha256', secret).update(body).digest(), given) || found,
      false,
    )
  },
}
