// When to send again, as a pure function of the error table; and the small loop that obeys it for whoever has no ledger.
import type { ApiConnection, ApiRequest, ApiResponse, AuthProvider, RateObservation, SendOptions } from './adapter.ts'
import { ApiError, FAILURES, isNotCarriedOut, type Retry } from './errors.ts'

const NEVER: Retry = { kind: 'never' }

/** The table's row for an error; what is not an ApiError is our own fault and is never retried. */
export const retryOf = (error: unknown): Retry => (error instanceof ApiError ? FAILURES[error.kind].retry : NEVER)

/**
 * Milliseconds to wait before trying again, or null: give up. `attempt` counts the failures of this request with this code, from
 * 1; `random` gives [0, 1). Exponential with jitter over the upper half, so that waiters spread and none comes at once; a
 * Retry-After is kept to and spread by up to a tenth. For `after-refresh` the caller refreshes the credential first.
 */
export const retryDelay = (error: unknown, attempt: number, random: () => number): number | null => {
  const retry = retryOf(error)
  if (retry.kind === 'never') return null
  if (retry.kind === 'after-refresh') return attempt <= 1 ? 0 : null
  if (attempt >= retry.attempts) return null
  const asked = error instanceof ApiError ? error.rate.retryAfterMs : undefined
  if (asked !== undefined) return Math.ceil(asked * (1 + random() / 10))
  const ceiling = Math.min(retry.capMs, retry.baseMs * 2 ** (attempt - 1))
  return Math.ceil((ceiling * (1 + random())) / 2)
}

export interface RetryOptions extends SendOptions {
  readonly auth: AuthProvider
  /** Awaited before every send, repetitions included: where a limiter stands. */
  readonly permit?: (signal?: AbortSignal) => Promise<void>
  /** After every answer and failure: what a limiter learns from; empty when the vendor did not answer. */
  readonly observe?: (rate: RateObservation) => void
  readonly random?: () => number
  /** How often a request is sent again after failures that pass with time; default: as often as the table says. */
  readonly retries?: number
}

/**
 * Sends until there is an answer that `read` accepts or the table says to stop; throws the last error. A POST is repeated only
 * when the one before was certainly not carried out. An aborted `signal` rejects with its reason, also while waiting.
 */
export const sendWithRetry = async <T>(
  connection: ApiConnection,
  request: ApiRequest,
  read: (response: ApiResponse) => T,
  options: RetryOptions,
): Promise<T> => {
  const failures = new Map<string, number>()
  for (;;) {
    await options.permit?.(options.signal)
    try {
      return read(await sendObserved(connection, request, options))
    } catch (error) {
      const delay = delayFor(error, request, failures, options)
      if (delay === null || (retryOf(error).kind === 'after-refresh' && !(await options.auth.refresh()))) throw error
      await waitFor(delay, options.signal)
    }
  }
}

const sendObserved = async (connection: ApiConnection, request: ApiRequest, options: RetryOptions): Promise<ApiResponse> => {
  const { observe, signal, timeoutMs } = options
  const sendOptions = { ...(signal && { signal }), ...(timeoutMs !== undefined && { timeoutMs }) }
  try {
    const response = await connection.send(request, sendOptions)
    observe?.(response.rate)
    return response
  } catch (error) {
    observe?.(error instanceof ApiError ? error.rate : {})
    throw error
  }
}

const waitFor = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', stop)
      resolve()
    }, ms)
    signal?.addEventListener('abort', stop, { once: true })
    if (signal?.aborted) stop()
  })

const delayFor = (
  error: unknown,
  request: ApiRequest,
  failures: Map<string, number>,
  { random = Math.random, retries = Number.POSITIVE_INFINITY }: RetryOptions,
): number | null => {
  if (!(error instanceof ApiError)) return null
  const timed = [...failures].reduce((sum, [code, count]) => (code === 'auth' ? sum : sum + count), 0)
  if (retryOf(error).kind === 'timed' && timed >= retries) return null
  const attempt = (failures.get(error.code) ?? 0) + 1
  failures.set(error.code, attempt)
  return request.method === 'POST' && !isNotCarriedOut(error) ? null : retryDelay(error, attempt, random)
}
