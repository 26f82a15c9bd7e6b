// One connection to one API: sends a request once and gives the answer back whole, or an ApiError that says what went wrong.
// Holds: sockets are kept alive and bounded; connect, headers and body share one time limit; a body is capped decompressed;
// no redirect is followed, so the Authorization header never leaves the base URL's host.
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import fetch, { type Response } from 'node-fetch'
import type { ApiConnection, ApiRequest, ApiResponse, AuthProvider, RateObservation, SendOptions } from './adapter.ts'
import { readBody, readErrorBody } from './body.ts'
import { type Deadline, startDeadline } from './deadline.ts'
import type { Problem } from './errors.ts'
import { bodyError, requestError, statusError } from './http-errors.ts'
import { parseRetryAfter } from './retry-after.ts'
import { parseBaseUrl, requestUrl } from './url.ts'

const DEFAULT_TIMEOUT_MS = 30_000
const DEFAULT_MAX_BODY_BYTES = 4 * 1024 * 1024
/** Below the five seconds after which common servers close an idle socket, so that we do not send into a closing one. */
const IDLE_SOCKET_MS = 4_000
const UNAUTHORIZED = 401
const BAD_REQUEST: ReadonlySet<number> = new Set([400, 422])

export type HttpHeaders = Readonly<Record<string, string>>

export interface HttpOptions {
  readonly baseUrl: string
  readonly auth: AuthProvider
  readonly userAgent: string
  /** Default 30 s. */
  readonly timeoutMs?: number | undefined
  /** Default 4 MB, decompressed. */
  readonly maxBodyBytes?: number | undefined
  readonly maxSockets?: number | undefined
  /** The vendor's own headers for a request, e.g. its pinned version. */
  headers(request: ApiRequest): HttpHeaders
  /** What the vendor's headers (lower-case names) say about its limit; Retry-After is read here. */
  observe(headers: HttpHeaders): RateObservation
  /** What the body of a refusal says is wrong with the request; never throws. */
  problems(body: Buffer): readonly Problem[]
}

/** Throws SynclineError('config') when the base URL is not usable. */
export const openHttp = (options: HttpOptions): ApiConnection => {
  const base = parseBaseUrl(options.baseUrl)
  const agentOptions = { keepAlive: true, maxSockets: options.maxSockets ?? 16, timeout: IDLE_SOCKET_MS }
  const agent = base.protocol === 'https:' ? new HttpsAgent(agentOptions) : new HttpAgent(agentOptions)
  const underWay = new Set<Promise<ApiResponse>>()
  return {
    send: (request, sendOptions = {}) => {
      const sent = send(request, sendOptions).finally(() => underWay.delete(sent))
      underWay.add(sent)
      return sent
    },
    close: async () => {
      // Requests that begin while others end are let through too.
      while (underWay.size > 0) await Promise.allSettled(underWay)
      agent.destroy()
    },
  }

  async function send(request: ApiRequest, { signal, timeoutMs }: SendOptions): Promise<ApiResponse> {
    const deadline = startDeadline(timeoutMs ?? options.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal)
    try {
      const credentials = await options.auth.headers()
      const response = await ask(request, credentials, deadline)
      if (response.status === UNAUTHORIZED) options.auth.refused?.(credentials)
      return await receive(request, response, deadline)
    } catch (error) {
      throw deadline.why() === 'caller' ? signal?.reason : requestError(error, request, deadline)
    } finally {
      deadline.clear()
    }
  }

  function ask(request: ApiRequest, credentials: HttpHeaders, deadline: Deadline): Promise<Response> {
    return fetch(requestUrl(base, request), {
      method: request.method,
      headers: { ...ownHeaders(request, options.userAgent), ...options.headers(request), ...credentials },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      redirect: 'manual',
      signal: deadline.signal,
      agent,
    })
  }

  async function receive(request: ApiRequest, response: Response, deadline: Deadline): Promise<ApiResponse> {
    const { status } = response
    const headers = Object.fromEntries(response.headers)
    const rate = { ...options.observe(headers), ...observeRetryAfter(headers) }
    if (status < 200 || status >= 300) {
      const body = await readErrorBody(response)
      throw statusError(request, status, rate, BAD_REQUEST.has(status) ? options.problems(body) : [])
    }
    const body = await readBody(response, options.maxBodyBytes ?? DEFAULT_MAX_BODY_BYTES).catch((error: unknown) => {
      throw deadline.why() === null ? bodyError(error, request, { status, rate }) : error
    })
    return { status, headers, body, rate }
  }
}

const ownHeaders = (request: ApiRequest, userAgent: string): HttpHeaders => ({
  accept: 'application/json',
  'accept-encoding': 'gzip',
  'user-agent': userAgent,
  ...(request.body === undefined ? {} : { 'content-type': 'application/json' }),
})

const observeRetryAfter = (headers: HttpHeaders): RateObservation => {
  const retryAfterMs = parseRetryAfter(headers['retry-after'], headers['date'], Date.now())
  return retryAfterMs === undefined ? {} : { retryAfterMs }
}
