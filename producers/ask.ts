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
import { fetchPage, type PageDeps, type PageResult } from './page.ts'
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
  | {
      readonly kind: 'answered'
      readonly topic: 'live' | 'dead'
      readonly messages: readonly OutgoingMessage[]
      readonly outcome: string
    }
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
  const result = await fetchFirst(deps, vendor, { spec, walk, failures: ask.failures })
  if (result.kind === 'page') {
    const { body, observedAt } = result
    return body === null
      ? answerGone(deps, vendor, ask, { definition, observedAt })
      : answered('record', [messageOf(ask, { kind: 'record', entity: definition.entity, observedAt }, body)])
  }
  if (result.kind !== 'oversized') return later(result, ask)
  const letter = oversizedLetter(ask, path, result.reason, result.received)
  return { kind: 'answered', topic: 'dead', messages: [letter], outcome: 'dead' }
}

const answered = (outcome: 'record' | 'gone', messages: readonly OutgoingMessage[]): Answer => ({
  kind: 'answered',
  topic: 'live',
  messages,
  outcome,
})

/**
 * The API does not have it. Where it lists mergers it is asked after that into which row this one was merged: the later word stands, and
 * so does the pointer. A list that cannot be read for good holds up nothing.
 */
const answerGone = async (
  deps: AskDeps,
  vendor: VendorConnection,
  ask: TakenAsk,
  { definition, observedAt }: { readonly definition: EntityDefinition; readonly observedAt: number },
): Promise<Answer> => {
  const { entity } = definition
  const gone = messageOf(ask, { kind: 'gone', entity, externalId: ask.externalId, observedAt }, Buffer.alloc(0))
  const mergers = vendor.adapter.manifest.definitions.find(
    (each) => each.canonical.entity === entity && each.mergedField !== undefined,
  )
  if (mergers?.mergedField === undefined) return answered('gone', [gone])
  const spec = { entity: mergers.entity, walk: { kind: 'offset', order: null, sweep: 0 }, carries: [] } as const
  const about = { where: { [mergers.mergedField]: ask.externalId } }
  const result = await fetchFirst(deps, vendor, { spec, walk: vendor.adapter.walk(spec, about), failures: ask.failures })
  if (result.kind === 'wait' || (result.kind === 'failed' && isSynclineError(result.error, 'auth'))) return later(result, ask)
  if (result.kind !== 'page' || result.body === null) return answered('gone', [gone])
  const origin = { kind: 'record', entity: mergers.entity, observedAt: result.observedAt } as const
  return answered('gone', result.page?.ids.length === 0 ? [gone] : [gone, messageOf(ask, origin, result.body)])
}

/** The first page of a walk; a permit is not waited for long. */
const fetchFirst = (
  deps: AskDeps,
  vendor: VendorConnection,
  question: Pick<PageDeps, 'spec' | 'walk' | 'failures'>,
): Promise<PageResult> => {
  const permitDeadline = performance.now() + MAX_PERMIT_WAIT_MS
  return fetchPage({ ...deps, ...question, vendor, permitDeadline, workClass: 'live' }, question.walk.start)
}

const later = (result: Exclude<PageResult, { kind: 'page' | 'oversized' }>, { failures }: TakenAsk): Answer => {
  switch (result.kind) {
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

type Observed =
  | { readonly kind: 'record'; readonly entity: string; readonly observedAt: number }
  | { readonly kind: 'gone'; readonly entity: string; readonly observedAt: number; readonly externalId: string }

/** All that is said of a record is in one partition, in this order. */
const messageOf = ({ orgId, source, entity, externalId }: TakenAsk, observed: Observed, value: Buffer): OutgoingMessage => ({
  key: `${orgId}/${entity}/${externalId}`,
  value,
  headers: encodeLiveOrigin({ ...observed, orgId, source, traceparent: traceparent() }),
})

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
