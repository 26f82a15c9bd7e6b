// Headers of raw.<adapter>.live: deliveries of webhooks as received, and answers to questions for single records. They belong to no run.
import { z } from 'zod'
import type { Headers } from './headers.ts'

const common = { org: z.string().min(1), source: z.string().min(1), traceparent: z.string().default('') }
const observedAt = z.coerce.number().int()

const headersSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('delivery'), ...common, 'received-at': observedAt }),
  z.object({ kind: z.literal('record'), ...common, entity: z.string().min(1), 'observed-at': observedAt }),
  z.object({ kind: z.literal('gone'), ...common, entity: z.string().min(1), id: z.string().min(1), 'observed-at': observedAt }),
])

interface Common {
  readonly orgId: string
  readonly source: string
  readonly traceparent: string
}

interface Observed extends Common {
  readonly entity: string
  /** Start of the request, in ms since 1970 by PostgreSQL's clock. */
  readonly observedAt: number
}

export type LiveOrigin =
  /** The value is the body as received, signature verified. Times are ms since 1970 by PostgreSQL's clock. */
  | (Common & { readonly kind: 'delivery'; readonly receivedAt: number })
  /** The value is the answer for one record. */
  | (Observed & { readonly kind: 'record' })
  /** The API says that there is no such record; no value. */
  | (Observed & { readonly kind: 'gone'; readonly externalId: string })

export const encodeLiveOrigin = (origin: LiveOrigin): Headers => ({
  kind: origin.kind,
  org: origin.orgId,
  source: origin.source,
  traceparent: origin.traceparent,
  ...(origin.kind === 'delivery'
    ? { 'received-at': String(origin.receivedAt) }
    : { entity: origin.entity, 'observed-at': String(origin.observedAt) }),
  ...(origin.kind === 'gone' ? { id: origin.externalId } : {}),
})

/** Throws ZodError when a header is missing or of the wrong form. */
export const decodeLiveOrigin = (headers: Headers): LiveOrigin => {
  const h = headersSchema.parse(headers)
  const owner = { orgId: h.org, source: h.source, traceparent: h.traceparent }
  if (h.kind === 'delivery') return { kind: 'delivery', ...owner, receivedAt: h['received-at'] }
  const observed = { ...owner, entity: h.entity, observedAt: h['observed-at'] }
  return h.kind === 'record' ? { kind: 'record', ...observed } : { kind: 'gone', ...observed, externalId: h.id }
}
