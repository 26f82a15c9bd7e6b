// Getting one page: whose the credential is, request, parse, split. Out comes a page with the position behind it, or what to do instead.
import type { ApiRequest, ApiResponse, ListPage, Walk, WalkStep } from '../adapters/core/adapter.ts'
import type { ReceivedPart } from '../adapters/core/body.ts'
import { ApiError } from '../adapters/core/errors.ts'
import { pageOfOne } from '../adapters/core/paging/ids.ts'
import { retryDelay, retryOf } from '../adapters/core/retry.ts'
import { countRecords, split } from '../manifests/split.ts'
import { encodeGone } from '../manifests/tombstone.ts'
import type { Json, RangeSpec } from '../manifests/walk.ts'
import { isSynclineError, messageOf, type SynclineError } from '../platform/errors.ts'
import { type Attempt, type ExchangeDeps, exchange, NotNow } from './exchange.ts'
import { ruledBody, ruledPart } from './field-rules.ts'

interface Attempted {
  readonly request: ApiRequest
  /** Start of the request, in ms since 1970 by PostgreSQL's clock. */
  readonly observedAt: number
  /** Requests made for this result. */
  readonly calls: number
}

export interface FetchedPage extends Attempted {
  readonly kind: 'page'
  /** As received, but for the organisation's field rules; null for a page of no records: a total, or a record or the list of a parent that is gone. Nothing to produce. */
  readonly body: Buffer | null
  /** The body is none of the source's: it names the row that the source does not have any more. */
  readonly gone: boolean
  readonly page: ListPage | null
  readonly step: WalkStep
  readonly counts: Readonly<Record<string, number>>
}

/** The record at this position alone is above the cap: it dies, the walk goes on behind it. */
export interface OversizedRecord extends Attempted {
  readonly kind: 'oversized'
  readonly next: Json
  readonly reason: string
  /** Its beginning; undefined when nothing of it was read. */
  readonly received: ReceivedPart | undefined
}

export interface Waiting {
  readonly kind: 'wait'
  readonly waitingFor: 'limit' | 'redis' | 'retry'
  readonly afterMs: number
  readonly reason?: string
  readonly code?: string
  readonly calls: number
}

export type PageResult =
  | FetchedPage
  | OversizedRecord
  | Waiting
  /** Too large a response: the same position with fewer records a page. */
  | { readonly kind: 'smaller'; readonly cursor: Json; readonly calls: number }
  | { readonly kind: 'failed'; readonly error: SynclineError; readonly calls: number }

export interface PageDeps extends ExchangeDeps {
  readonly walk: Walk
  readonly spec: RangeSpec
  /** Failures in a row at this position, before this one. */
  readonly failures: number
}

export const fetchPage = async (deps: PageDeps, cursor: Json): Promise<PageResult> => {
  const attempt: Attempt = { calls: 0, observedAt: deps.now() }
  const send = (request: ApiRequest) => exchange(deps, attempt, request)
  try {
    await deps.vendor.account.compare(send)
    const result = await fetchOne(deps, cursor, attempt, send)
    if (hasRecords(result)) await deps.vendor.account.takeIn()
    return result
  } catch (error) {
    return afterFailure(deps, error, attempt.calls)
  }
}

type Send = (request: ApiRequest) => Promise<ApiResponse>

/** Where the answer of a failed request is a result by itself, it is that. */
const fetchOne = async (deps: PageDeps, cursor: Json, attempt: Attempt, send: Send): Promise<PageResult> => {
  const request = deps.walk.request(cursor)
  try {
    return { ...receive(deps, cursor, await send(request)), request, ...attempt }
  } catch (error) {
    const result = deps.signal.aborted ? undefined : resultOfFailure(deps, cursor, error, { request, ...attempt })
    if (result === undefined) throw error
    return result
  }
}

const hasRecords = (result: PageResult): boolean =>
  result.kind === 'oversized' || (result.kind === 'page' && Object.values(result.counts).some((count) => count > 0))

const receive = (deps: PageDeps, cursor: Json, response: ApiResponse): Omit<FetchedPage, keyof Attempted> => {
  const { vendor, walk, spec } = deps
  const { adapter } = vendor
  const asked = walk.asksAfter?.(cursor)
  const isOne = spec.walk.kind === 'ids' || asked?.shows === 'one'
  const page = isOne ? pageOfOne(adapter.parseOne(spec.entity, response.body)) : adapter.parseList(spec.entity, response.body)
  const step = walk.advance(cursor, page)
  // Asked for its total alone: its one row has come on a page of the walk, and is not to die or land twice.
  if (spec.walk.kind === 'count') return nothing(page, step)
  const { body, document } = ruledBody(vendor.rules, spec.entity, response.body, page.body)
  const records = split(adapter.manifest, spec.entity, spec.carries, document)
  if (asked?.shows === 'list' && !records.get(spec.entity)?.some(({ externalId }) => externalId === asked.externalId)) {
    // What does not stand on this page may stand on the next: that is no answer.
    return page.hasNext ? nothing(page, { ...step, fresh: 0 }) : goneRow(spec.entity, asked.externalId, step.next)
  }
  return { kind: 'page', body, gone: false, page, step, counts: countRecords(records) }
}

const nothing = (page: ListPage | null, step: WalkStep) =>
  ({ kind: 'page', body: null, gone: false, page, step, counts: {} }) as const

/** One that was asked after and is not there: a page with its tombstone. */
const goneRow = (entity: string, externalId: string, next: Json | null) =>
  ({
    kind: 'page',
    body: encodeGone(externalId),
    gone: true,
    page: null,
    step: { next, fresh: 0, total: null, drifted: false },
    counts: { [entity]: 1 },
  }) as const

/** Of a failure that says something of the records at this position; undefined: it does not. */
const resultOfFailure = (deps: PageDeps, cursor: Json, error: unknown, attempted: Attempted): PageResult | undefined => {
  const { walk, spec, vendor } = deps
  if (isSynclineError(error, 'gone') && walk.skipGone !== null) {
    const [next, asked] = [walk.skipGone(cursor), walk.asksAfter?.(cursor)]
    const page =
      asked === undefined
        ? nothing(null, { next, fresh: 0, total: null, drifted: false })
        : goneRow(spec.entity, asked.externalId, next)
    return { ...page, ...attempted }
  }
  if (!isSynclineError(error, 'too-large')) return undefined
  const smaller = walk.halve(cursor)
  if (smaller !== null) return { kind: 'smaller', cursor: smaller, calls: attempted.calls }
  const received = ruledPart(vendor.rules, error instanceof ApiError ? error.received : undefined)
  return { kind: 'oversized', next: walk.skip(cursor), reason: error.message, received, ...attempted }
}

const afterFailure = ({ signal, failures }: PageDeps, error: unknown, calls: number): PageResult => {
  if (error instanceof NotNow) return { ...error.waiting, calls }
  if (signal.aborted) return { kind: 'wait', waitingFor: 'retry', afterMs: 0, calls }
  if (isSynclineError(error, 'conflict')) return { kind: 'wait', waitingFor: 'limit', afterMs: 0, calls }
  const afterMs = retryDelay(error, failures + 1, Math.random)
  if (afterMs !== null && retryOf(error).kind === 'timed') {
    return { kind: 'wait', waitingFor: 'retry', afterMs, reason: messageOf(error), ...codeOf(error), calls }
  }
  if (isSynclineError(error)) return { kind: 'failed', error, calls }
  throw error
}

const codeOf = (error: unknown): { readonly code?: string } => (isSynclineError(error) ? { code: error.code } : {})
