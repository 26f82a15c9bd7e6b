// How an API is told where to deliver its webhooks, and how a delivery is known to be its own. Pure: requests and answers, no sending.
import type { ApiRequest } from './adapter.ts'

export interface Subscription {
  readonly id: string
  readonly event: string
  readonly url: string
  readonly active: boolean
  /** Null: the API does not tell it again. */
  readonly secret: string | null
}

export interface WebhookDialect {
  /** All subscriptions of the credential, one page of them. */
  list(offset: number): ApiRequest
  /** Throws SynclineError('bad-response'). `next`: where the next page begins; null: there is none. */
  parseList(body: Buffer): { readonly subscriptions: readonly Subscription[]; readonly next: number | null }
  create(event: string, url: string): ApiRequest
  activate(id: string): ApiRequest
  rotateSecret(id: string): ApiRequest
  remove(id: string): ApiRequest
  /** The answer to `create`, `activate` and `rotateSecret`. Throws SynclineError('bad-response'). */
  parseOne(body: Buffer): Subscription
  /** The event that a delivery's headers (lower-case names) name. Not signed: it only says which secrets to try. */
  eventOf(headers: Readonly<Record<string, string | readonly string[] | undefined>>): string | undefined
  /** Whether one of the secrets signs the body as it was received; takes the same time whichever does not. */
  isSigned(
    headers: Readonly<Record<string, string | readonly string[] | undefined>>,
    body: Buffer,
    secrets: readonly string[],
  ): boolean
}
