// One request: permit, sending, and what the limiter learns of it; once more with a refreshed credential. Out comes the answer; or NotNow is
// thrown, when there is no permit, or what the request failed with.
import type { ApiRequest, ApiResponse, RateObservation } from '../adapters/core/adapter.ts'
import { ApiError } from '../adapters/core/errors.ts'
import { retryOf } from '../adapters/core/retry.ts'
import { isSynclineError, messageOf, SynclineError } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import { NO_TELEMETRY, type Telemetry, timed } from '../platform/telemetry.ts'
import type { VendorConnection } from './connections.ts'
import { isUsable, type Limiter, type Permit } from './limiter/limiter.ts'
import type { WorkClass } from './limiter/work-class.ts'

export interface ExchangeDeps {
  readonly limiter: Limiter
  readonly vendor: VendorConnection
  readonly now: () => number
  /** Until when (performance.now()) a permit may be waited for. */
  readonly permitDeadline: number
  readonly workClass: WorkClass
  readonly signal: AbortSignal
  readonly telemetry?: Telemetry
}

const REDIS_AWAY_MS = 2_000

export interface NoPermit {
  readonly kind: 'wait'
  readonly waitingFor: 'limit' | 'redis'
  readonly afterMs: number
  readonly reason?: string
}

/** What the requests of one result have come to. */
export interface Attempt {
  calls: number
  /** Start of the last, in ms since 1970 by PostgreSQL's clock. */
  observedAt: number
}

/** There is no permit for a request now: what is to be done instead. */
export class NotNow extends Error {
  readonly waiting: NoPermit

  constructor(waiting: NoPermit) {
    super('There is no permit now.')
    this.waiting = waiting
  }
}

/** Sends under a permit, and once more with a refreshed credential. */
export const exchange = async (deps: ExchangeDeps, attempt: Attempt, request: ApiRequest): Promise<ApiResponse> => {
  for (let refreshed = false; ; refreshed = true) {
    const granted = await permit(deps)
    attempt.observedAt = deps.now()
    attempt.calls++
    try {
      return await sendWith(deps, granted, request)
    } catch (error) {
      if (refreshed || retryOf(error).kind !== 'after-refresh' || !(await deps.vendor.auth.refresh())) throw error
    }
  }
}

const permit = async ({ vendor, signal, permitDeadline, workClass, telemetry }: ExchangeDeps): Promise<Permit> => {
  const waits = telemetry && ((ms: number) => countLimitWait(telemetry, vendor, ms))
  try {
    const acquired = await vendor.permit(permitDeadline, signal, { workClass, onWait: waits })
    if ('permit' in acquired) return acquired.permit
    throw new NotNow({ kind: 'wait', waitingFor: 'limit', afterMs: acquired.retryAfterMs })
  } catch (error) {
    if (!isSynclineError(error, 'unavailable')) throw error
    throw new NotNow({ kind: 'wait', waitingFor: 'redis', afterMs: REDIS_AWAY_MS, reason: messageOf(error) })
  }
}

/** Room in the vendor's limit was waited for, in this slice or until the range is woken. */
export const countLimitWait = (telemetry: Telemetry, { adapter }: VendorConnection, ms: number): void => {
  telemetry.add('syncline_fetch_limit_waits_total', { adapter: adapter.name }, 1)
  telemetry.add('syncline_fetch_limit_wait_seconds_total', { adapter: adapter.name }, ms / 1_000)
}

/** Sends once under a permit; whatever happens, the limiter learns when the request ended and what the vendor said. */
const sendWith = async (
  { vendor, limiter, signal, telemetry = NO_TELEMETRY }: ExchangeDeps,
  permit: Permit,
  request: ApiRequest,
): Promise<ApiResponse> => {
  if (!isUsable(permit)) {
    await limiter.release(vendor.limiterKey, permit)
    throw new SynclineError('conflict', 'A permit expired before its request could start.')
  }
  const adapter = vendor.adapter.name
  const count = (outcome: string) => telemetry.add('syncline_fetch_requests_total', { adapter, outcome }, 1)
  try {
    await failpoint('fetch.before-response', lostAnswer)
    const send = () => vendor.api.send(request, { signal })
    const response = await timed(telemetry, 'syncline_fetch_request_seconds', { adapter }, send)
    await failpoint('fetch.after-response', lostAnswer)
    count('ok')
    await limiter.settle(vendor.limiterKey, permit, response.rate)
    return response
  } catch (error) {
    count(isSynclineError(error) ? error.code : 'internal')
    await limiter.settle(vendor.limiterKey, permit, observedIn(error, vendor.adapter.limit.periodMs))
    throw error
  }
}

const lostAnswer = (): ApiError => new ApiError('network', 'The connection was lost by a failpoint.')

/** What a failed request says of the limit: nothing without an answer; a 429 that names no time means one period. */
export const observedIn = (error: unknown, periodMs: number): RateObservation | null => {
  if (!(error instanceof ApiError) || error.status === undefined) return null
  return error.kind === 'rate-limit' ? { retryAfterMs: periodMs, ...error.rate } : error.rate
}
