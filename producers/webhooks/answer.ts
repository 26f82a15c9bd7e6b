// What a delivery is answered: a request's path, headers and body go in, a status comes out once the delivery is durable on Kafka.
// Must hold: 200 is said of nothing that could still be lost, and of no account but that of the rows; 410 is never said, because it ends a
// subscription for good.
import { randomUUID, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import type { Adapter } from '../../adapters/core/adapter.ts'
import type { SourceName } from '../../ledger/source-health.ts'
import type { Endpoint } from '../../ledger/webhooks.ts'
import { failpoint } from '../../platform/failpoints.ts'
import type { OutgoingMessage } from '../../platform/kafka/record-batch.ts'
import type { Topics } from '../../topics/list.ts'
import { encodeLiveOrigin } from '../../topics/live.ts'
import { parsedDelivery, ruledDelivery } from '../field-rules.ts'
import { traceparent } from '../page-messages.ts'
import type { DeliveryWriter } from './delivery-writer.ts'
import type { EndpointBook, KnownEndpoint } from './endpoint-book.ts'

export const OUTCOMES = {
  accepted: 200,
  'bad-request': 400,
  'bad-signature': 401,
  'other-account': 403,
  'unknown-address': 404,
  'too-large': 413,
  unavailable: 503,
} as const
export type Outcome = keyof typeof OUTCOMES

export interface Delivery {
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
}

export interface AnswerDeps {
  readonly book: EndpointBook
  readonly writer: DeliveryWriter
  readonly topics: Topics
  readonly adapterOf: (name: string) => Adapter
  /** Takes down whose the rows of the source are, before the first comes in; says whose they are. */
  readonly claim: (source: SourceName, account: string) => Promise<string>
  /** ms since 1970 by PostgreSQL's clock. */
  readonly now: () => number
}

export interface Address {
  readonly orgId: string
  readonly source: string
  readonly token: string
}

const PATH = /^\/webhooks\/([a-z0-9-]{1,63})\/([a-z0-9-]{1,63})\/([\w-]{16,64})$/

/** Undefined for a path of another form. */
export const parseAddress = (path: string): Address | undefined => {
  const [, orgId, source, token] = PATH.exec(path.split('?', 1)[0] ?? '') ?? []
  return orgId === undefined || source === undefined || token === undefined ? undefined : { orgId, source, token }
}

export const pathOfEndpoint = ({ orgId, source, token }: Address): string => `/webhooks/${orgId}/${source}/${token}`

const isToken = (given: string, { token }: Endpoint): boolean => {
  const [a, b] = [Buffer.from(given), Buffer.from(token)]
  return a.length === b.length && timingSafeEqual(a, b)
}

const isSigned = (adapter: Adapter, { secrets }: KnownEndpoint, { headers, body }: Delivery): boolean => {
  const named = adapter.webhooks?.eventOf(headers)
  const accepted = (named === undefined ? undefined : secrets.get(named)) ?? [...secrets.values()].flat()
  return adapter.webhooks?.isSigned(headers, body, accepted) === true
}

/** One that was subscribed to with a credential of another account. */
const isForeign = ({ manifest }: Adapter, { account }: Endpoint, body: Buffer): boolean =>
  account !== null && manifest.deliveries?.accounts(parsedDelivery(body)).some((told) => told !== account) === true

type Refused = 'unknown-address' | 'bad-signature' | 'other-account'
type Verdict = { readonly known: KnownEndpoint; readonly adapter: Adapter } | Refused

const judge = (deps: AnswerDeps, { token }: Address, known: KnownEndpoint | undefined, delivery: Delivery): Verdict => {
  if (known === undefined || !isToken(token, known.endpoint)) return 'unknown-address'
  const adapter = deps.adapterOf(known.endpoint.adapter)
  if (!isSigned(adapter, known, delivery)) return 'bad-signature'
  return isForeign(adapter, known.endpoint, delivery.body) ? 'other-account' : { known, adapter }
}

/** What can be told before its body is read: whether it was sent to an address that was given out. */
export const isAddressKnown = async ({ book }: Pick<AnswerDeps, 'book'>, path: string): Promise<boolean> => {
  const address = parseAddress(path)
  if (address === undefined) return false
  const isGiven = (known: KnownEndpoint | undefined) => known !== undefined && isToken(address.token, known.endpoint)
  return isGiven(await book.find(address)) || isGiven(await book.findAnew(address))
}

export const answerDelivery = async (deps: AnswerDeps, delivery: Delivery): Promise<Outcome> => {
  if (delivery.body.length === 0) return 'bad-request'
  const address = parseAddress(delivery.path)
  if (address === undefined) return 'unknown-address'
  let verdict = judge(deps, address, await deps.book.find(address), delivery)
  // What is remembered may be older than the last rotation, or than the connection.
  if (typeof verdict === 'string') verdict = judge(deps, address, await deps.book.findAnew(address), delivery)
  if (typeof verdict === 'string') return verdict
  const { known, adapter } = verdict
  const { account, hasRows } = known.endpoint
  if (account !== null && !hasRows && (await deps.claim(known.endpoint, account)) !== account) return 'other-account'
  await failpoint('webhook.after-verify')
  await deps.writer.write(deps.topics.live(adapter.name), messageOf(adapter, known, delivery, deps.now()))
  return 'accepted'
}

const messageOf = (adapter: Adapter, known: KnownEndpoint, delivery: Delivery, receivedAt: number): OutgoingMessage => {
  const { orgId, source } = known.endpoint
  return {
    // Deliveries come in no order: the key spreads them.
    key: `${orgId}/${adapter.webhooks?.eventOf(delivery.headers) ?? 'delivery'}/${randomUUID()}`,
    value: ruledDelivery(known.rules, adapter.manifest.deliveries, delivery.body),
    headers: encodeLiveOrigin({ kind: 'delivery', orgId, source, receivedAt, traceparent: traceparent() }),
  }
}
