// One slice of a range: take it, fetch pages until the slice is over, release it, say how it goes on.
// Must hold: a page is on Kafka before its receipt, and the receipt is written before the walk goes on.
import type { Walk } from '../adapters/core/adapter.ts'
import { ApiError } from '../adapters/core/errors.ts'
import { failRange, openPages, type Release, releaseRange, splitRange, type TakenRange } from '../ledger/ranges.ts'
import type { Receipt, ReceiptResult } from '../ledger/receipts.ts'
import type { Json, RangeSpec, WalkSpec } from '../manifests/walk.ts'
import type { SynclineError } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Producer } from '../platform/kafka/producer.ts'
import { pause } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import type { Pool } from '../platform/postgres.ts'
import { NO_TELEMETRY, type Telemetry } from '../platform/telemetry.ts'
import { DEAD_LETTER_PARTITIONS, RAW_PARTITIONS, type Topics } from '../topics/list.ts'
import type { VendorConnection } from './connections.ts'
import { countLimitWait } from './exchange.ts'
import type { Limiter } from './limiter/limiter.ts'
import { workClassOf } from './limiter/work-class.ts'
import { type FetchedPage, fetchPage, type OversizedRecord, type Waiting } from './page.ts'
import { oversizedLetter, pathOf, rawMessage } from './page-messages.ts'
import type { ReceiptWriter } from './receipt-writer.ts'
import { partsOf, type SplitQuestion } from './splitting.ts'

export interface SliceDeps {
  readonly pool: Pool
  readonly producer: Producer
  readonly topics: Topics
  readonly limiter: Limiter
  readonly receipts: ReceiptWriter
  readonly workerId: string
  readonly now: () => number
  readonly log: Logger
  readonly signal: AbortSignal
  readonly telemetry?: Telemetry
}

const SLICE_PAGES = 20
export const SLICE_MS = 10_000
/** A permit further away than this is not waited for: the range is released and woken when there is one. */
const MAX_PERMIT_WAIT_MS = 250
const MAX_RETRY_WAIT_MS = 1_000
/** Back-pressure: pages of one range that may be received and not landed. */
const MAX_OPEN_PAGES = 60
/** In case the connection was authorised while it was being given up. */
const REAUTHORISE_LOOK_MS = 5_000
const MAX_REFUSALS = 3
const REFUSED_WAIT_MS = 500
const CHECK_OPEN_EVERY = 10
const LANDING_WAIT_MS = 500
/** successor: emit a command for the next slice. done: nothing to emit, the ledger knows how it goes on. */
export type SliceEnd = 'successor' | 'done'

interface Slice {
  readonly deps: SliceDeps
  readonly vendor: VendorConnection
  range: TakenRange
  spec: RangeSpec
  walk: Walk
  cursor: Json
  page: number
  failures: number
  failureCode: string | undefined
  readonly startedAt: number
  fetched: number
  /** Requests since the last receipt. */
  calls: number
}

export const runSlice = async (deps: SliceDeps, vendor: VendorConnection, range: TakenRange): Promise<SliceEnd> => {
  const walk = vendor.adapter.walk(range.spec)
  const slice: Slice = {
    deps,
    vendor,
    range,
    spec: range.spec,
    walk,
    cursor: range.cursor ?? walk.start,
    page: range.nextPage,
    failures: range.failures,
    failureCode: undefined,
    startedAt: performance.now(),
    fetched: 0,
    calls: 0,
  }
  for (;;) {
    const end = await nextPage(slice)
    if (end !== undefined) return end
  }
}

const releaseSlice = async (slice: Slice, how: Pick<Release, 'wakeInMs' | 'waitingFor' | 'reason'>): Promise<SliceEnd> => {
  const { pool, workerId } = slice.deps
  const { calls, failures, cursor } = slice
  await releaseRange(pool, slice.range, workerId, { ...how, calls, failures, cursor })
  return 'done'
}

/** One step of the slice; undefined: go on. */
const nextPage = async (slice: Slice): Promise<SliceEnd | undefined> => {
  const { deps, spec, walk } = slice
  // Between tries as well: field rules that have changed are in force so long after (ledger/field-rules.ts).
  if (deps.signal.aborted || isLate(slice)) return releaseSlice(slice, { wakeInMs: 0, waitingFor: null })
  if (slice.fetched % CHECK_OPEN_EVERY === 0 && (await openPages(deps.pool, slice.range)) > MAX_OPEN_PAGES) {
    return releaseSlice(slice, { wakeInMs: LANDING_WAIT_MS, waitingFor: 'landing' })
  }
  const permitDeadline = performance.now() + MAX_PERMIT_WAIT_MS
  const { vendor, failures } = slice
  const workClass = workClassOf(slice.range.strategy)
  const result = await fetchPage({ ...deps, vendor, walk, spec, permitDeadline, workClass, failures }, slice.cursor)
  slice.calls += result.calls
  switch (result.kind) {
    case 'page':
      return settlePage(slice, result)
    case 'oversized':
      return settleOversized(slice, result)
    case 'smaller':
      slice.cursor = result.cursor
      return undefined
    case 'wait':
      return waitOrRelease(slice, result)
    case 'failed': {
      const { code, message, remedy } = result.error
      if (code === 'auth' && vendor.reauthorise !== undefined) return refusedByVendor(slice, result.error, vendor.reauthorise)
      deps.log.error(
        { run: slice.range.runId, entity: spec.entity, range: slice.range.rangeId, code, reason: message },
        'range failed',
      )
      const reason = remedy === undefined ? message : `${message}. ${remedy}`
      await failRange(deps.pool, slice.range, deps.workerId, { code, reason, calls: slice.calls })
      return 'done'
    }
  }
}

/**
 * A token may be refused in the moment after it was given, when another expires it: a few times it is refreshed and tried again. Then, and
 * at once where there is none any more, the run is paused, and with it this range; whoever connects the organisation again sets both going.
 */
const refusedByVendor = async (
  slice: Slice,
  error: SynclineError,
  reauthorise: NonNullable<VendorConnection['reauthorise']>,
): Promise<SliceEnd | undefined> => {
  const { code, message: reason } = error
  if (error instanceof ApiError && slice.failures < MAX_REFUSALS) {
    return waitOrRelease(slice, { kind: 'wait', waitingFor: 'retry', afterMs: REFUSED_WAIT_MS, reason, code, calls: 0 })
  }
  await reauthorise(reason)
  return releaseSlice(slice, { wakeInMs: REAUTHORISE_LOOK_MS, waitingFor: 'authorisation', reason })
}

const waitOrRelease = async (slice: Slice, wait: Waiting): Promise<SliceEnd | undefined> => {
  if (wait.waitingFor === 'retry' && !slice.deps.signal.aborted) {
    // The error table counts failures of one kind; another kind begins anew.
    slice.failures = slice.failureCode === undefined || wait.code === slice.failureCode ? slice.failures + 1 : 1
    slice.failureCode = wait.code
    const labels = { adapter: slice.vendor.adapter.name, outcome: wait.code ?? 'internal' }
    slice.deps.telemetry?.add('syncline_fetch_retries_total', labels, 1)
    const { runId, rangeId } = slice.range
    slice.deps.log.debug(
      { run: runId, range: rangeId, entity: slice.spec.entity, reason: wait.reason },
      'request failed, trying again',
    )
    if (wait.afterMs <= MAX_RETRY_WAIT_MS && !isOver(slice)) {
      await pause(wait.afterMs, slice.deps.signal)
      return undefined
    }
  }
  const { waitingFor, afterMs: wakeInMs, reason } = wait
  const { telemetry } = slice.deps
  if (waitingFor === 'limit' && telemetry) countLimitWait(telemetry, slice.vendor, wakeInMs)
  return releaseSlice(slice, { wakeInMs, waitingFor, ...(reason === undefined ? {} : { reason }) })
}

const countPage = ({ deps, vendor, spec }: Slice, { counts, bytes }: Receipt): void => {
  // Asked for its total alone: not a page of the walk.
  if (spec.walk.kind === 'count') return
  const { telemetry = NO_TELEMETRY } = deps
  const adapter = vendor.adapter.name
  telemetry.add('syncline_fetch_pages_total', { adapter, entity: spec.entity }, 1)
  telemetry.add('syncline_fetch_bytes_total', { adapter }, bytes)
  for (const [entity, n] of Object.entries(counts)) telemetry.add('syncline_fetch_records_total', { adapter, entity }, n)
}

const isLate = ({ startedAt }: Slice): boolean => performance.now() - startedAt > SLICE_MS

const isOver = (slice: Slice): boolean => slice.fetched + 1 >= SLICE_PAGES || isLate(slice) || slice.deps.signal.aborted

const produceRaw = async (slice: Slice, body: Buffer, of: FetchedPage): Promise<{ partition: number; offset: bigint }> => {
  const { producer, topics } = slice.deps
  const messages = [rawMessage(slice, body, of)]
  const topic = topics.raw(slice.range.adapter)
  const [sent] = await producer.send([{ topic, partitions: RAW_PARTITIONS, messages }], { compressed: true })
  await failpoint('fetch.after-raw')
  return { partition: sent?.partition ?? -1, offset: sent?.baseOffset ?? -1n }
}

const NOT_PRODUCED = { partition: -1, offset: -1n }

const receiptOf = (
  slice: Slice,
  result: FetchedPage | OversizedRecord,
  facts: Pick<Receipt, 'next' | 'counts' | 'fresh' | 'total' | 'drifted' | 'bytes' | 'release'> & {
    raw: { partition: number; offset: bigint }
  },
): Receipt => {
  const { raw, ...rest } = facts
  const { runId, rangeId, epoch } = slice.range
  return {
    ...rest,
    runId,
    rangeId,
    epoch,
    page: slice.page,
    entity: slice.spec.entity,
    request: pathOf(result.request),
    observedAt: result.observedAt,
    rawPartition: raw.partition,
    rawOffset: raw.offset,
    calls: slice.calls,
  }
}

const settlePage = async (slice: Slice, result: FetchedPage): Promise<SliceEnd | undefined> => {
  const { deps, range } = slice
  const { step, counts, body } = result
  const raw = body === null ? NOT_PRODUCED : await produceRaw(slice, body, result)
  const release = step.next !== null && isOver(slice)
  const { next, fresh, total, drifted } = step
  const receipt = receiptOf(slice, result, { raw, next, counts, fresh, total, drifted, bytes: body?.length ?? 0, release })
  const parts = next === null ? [] : await partsOf(deps.pool, slice.vendor.adapter, splitQuestion(slice, result))
  if (parts.length < 2) return afterReceipt(slice, receipt, await deps.receipts.write(receipt))
  const written = await deps.receipts.writeWith(receipt, (client) => splitRange(client, range, parts))
  // Only the ledger knows whether an unanswered split took place: whoever takes the range next reads it there.
  if (written.outcome !== 'accepted') return releaseSlice(slice, { wakeInMs: 0, waitingFor: null })
  useSpec(slice, parts[0])
  return afterReceipt(slice, receipt, written)
}

const splitQuestion = ({ range, spec, page, deps }: Slice, { page: listed }: FetchedPage): SplitQuestion => ({
  range,
  spec,
  page,
  listed,
  now: new Date(deps.now()),
})

const useSpec = (slice: Slice, walk: WalkSpec | undefined): void => {
  if (walk === undefined) return
  slice.spec = { ...slice.spec, walk }
  slice.walk = slice.vendor.adapter.walk(slice.spec)
}

const afterReceipt = async (
  slice: Slice,
  receipt: Receipt,
  { outcome, runState }: ReceiptResult,
): Promise<SliceEnd | undefined> => {
  const { runId, rangeId } = slice.range
  await failpoint('fetch.after-receipt')
  if (outcome === 'refused') {
    slice.deps.log.debug({ run: runId, range: rangeId, page: receipt.page }, 'receipt refused, the range is not ours any more')
    return 'done'
  }
  countPage(slice, receipt)
  if (receipt.next === null) return 'done'
  slice.cursor = receipt.next
  slice.page++
  slice.fetched++
  slice.calls = 0
  slice.failures = 0
  if (receipt.release) return runState === 'running' && !slice.deps.signal.aborted ? 'successor' : 'done'
  return runState === 'running' ? undefined : releaseSlice(slice, { wakeInMs: 0, waitingFor: null })
}

const settleOversized = async (slice: Slice, result: OversizedRecord): Promise<SliceEnd | undefined> => {
  const { deps, spec } = slice
  const messages = [oversizedLetter(slice, result)]
  await deps.producer.send([{ topic: deps.topics.deadLetters, partitions: DEAD_LETTER_PARTITIONS, messages }])
  const counts = { [spec.entity]: 1 }
  const receipt = receiptOf(slice, result, {
    raw: NOT_PRODUCED,
    next: result.next,
    counts,
    fresh: 1,
    total: null,
    drifted: false,
    bytes: 0,
    release: isOver(slice),
  })
  return afterReceipt(slice, receipt, await deps.receipts.write(receipt))
}
