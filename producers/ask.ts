// One record asked for by its id: goes in a row of the ledger, comes out what is to be produced, or when to ask again.
import { idsWalk } from '../adapters/core/paging/ids.ts'
import type { TakenAsk } from '../ledger/asks.ts'
import { pathById } from '../manifests/by-id.ts'
import type { EntityDefinition, Manifest } from '../manifests/manifest.ts'
import { isSynclineError } from '../platform/errors.ts'
import type { OutgoingMessage } from '../platform/kafka/record-batch.ts'
import { backoffMs } from '../platform/lifecycle.ts'
import type { Telemetry } from '../platform/telemetry.ts'
import { deadLetterMessage } from '../topics/dead-letters.ts'
import { encodeLiveOrigin } from '../topics/live.ts'
import type { VendorConnection } from './connections.ts'
import type { Limiter } from './limiter/limiter.ts'
import { fetchPage } from './page.ts'
import { traceparent } from './page-messages.ts'

export interface AskDeps {
  readonly limiter: Limiter
  readonly now: () => number
  readonly signal: AbortSignal
  readonly telemetry?: Telemetry
}

/** A permit further away than this is not waited for. */
const MAX_PERMIT_WAIT_MS = 2_000
const MAX_POSTPONE_MS = 3_600_000

/** Of an ask that has failed so often in a row. */
export const postponeMs = (failures: number, baseMs = 1_000): number => backoffMs(failures, { baseMs, maxMs: MAX_POSTPONE_MS })

export type Answer =
  | { readonly kind: 'answered'; readonly topic: 'live' | 'dead'; readonly message: OutgoingMessage; readonly outcome: string }
  /** It cannot be asked for, or need not be. */
  | { readonly kind: 'dropped' }
  | { readonly kind: 'later'; readonly inMs: number; readonly reason?: string }

/** The entity that has rows of its own in the table; others only say something of them. */
const definitionOf = (manifest: Manifest, entity: string): EntityDefinition | undefined =>
  manifest.definitions.find((definition) => definition.entity === entity && definition.canonical.entity === entity)

/** Asks once. A failure that will stay the same is asked again too, each time later: only an answer ends it. */
export const answerOf = async (deps: AskDeps, vendor: VendorConnection, ask: TakenAsk): Promise<Answer> => {
  const definition = definitionOf(vendor.adapter.manifest, ask.entity)
  const path = definition && pathById(definition, ask.externalId, ask.parents)
  if (definition === undefined || path === undefined) return { kind: 'dropped' }
  const walk = idsWalk([ask.externalId], () => ({ method: 'GET', path, query: {} }))
  const spec = { entity: definition.entity, walk: { kind: 'ids', ids: [ask.externalId] }, carries: [] } as const
  const permitDeadline = performance.now() + MAX_PERMIT_WAIT_MS
  const { failures } = ask
  const result = await fetchPage({ ...deps, vendor, walk, spec, permitDeadline, workClass: 'live', failures }, walk.start)
  const owner = { orgId: ask.orgId, source: ask.source, traceparent: traceparent() }
  const key = `${ask.orgId}/${ask.entity}/${ask.externalId}`
  switch (result.kind) {
    case 'page': {
      const observed = { ...owner, entity: definition.entity, observedAt: result.observedAt }
      const headers =
        result.body === null
          ? encodeLiveOrigin({ kind: 'gone', ...observed, externalId: ask.externalId })
          : encodeLiveOrigin({ kind: 'record', ...observed })
      const outcome = result.body === null ? 'gone' : 'record'
      return { kind: 'answered', topic: 'live', message: { key, value: result.body ?? Buffer.alloc(0), headers }, outcome }
    }
    case 'oversized':
      return {
        kind: 'answered',
        topic: 'dead',
        message: oversizedLetter(ask, path, result.reason, result.received),
        outcome: 'dead',
      }
    case 'wait':
      return { kind: 'later', inMs: result.afterMs, ...(result.reason === undefined ? {} : { reason: result.reason }) }
    case 'smaller':
      return { kind: 'later', inMs: 0 }
    case 'failed': {
      const { error } = result
      const baseMs = isSynclineError(error, 'auth', 'permission') ? 60_000 : 5_000
      return { kind: 'later', inMs: postponeMs(failures, baseMs), reason: error.message }
    }
  }
}

const oversizedLetter = (
  { orgId, source, entity, externalId }: TakenAsk,
  request: string,
  why: string,
  cut:
    | { readonly beginning: Buffer; readonly readBytes: number; readonly sha256: string; readonly fullBytes: number | null }
    | undefined,
): OutgoingMessage => {
  const value = cut?.beginning ?? Buffer.alloc(0)
  const reason = `${why}; the first ${value.length} bytes are kept`
  return deadLetterMessage(
    { orgId, source, entity, externalId, stage: 'fetch', code: 'too-large', reason, origin: undefined, request, cut },
    value,
  )
}
