// The closed list of ways in which a request to a vendor fails, in ONE table: what it is called, whether to try again, what
// the operator should do. No message carries a token, a query value or a body.
import { type ErrorCode, type ErrorOptions, SynclineError } from '../../platform/errors.ts'
import type { RateObservation } from './adapter.ts'
import type { ReceivedPart } from './body.ts'

/** timed: wait and try again. after-refresh: once, with new headers. never: the same request will fail the same way. */
export type Retry =
  | { readonly kind: 'timed'; readonly baseMs: number; readonly capMs: number; readonly attempts: number }
  | { readonly kind: 'after-refresh' }
  | { readonly kind: 'never' }

interface FailureRule {
  readonly code: ErrorCode
  readonly retry: Retry
  /** What the operator should do when retrying did not help. */
  readonly operator: string
}

const never: Retry = { kind: 'never' }
/** About ten minutes in all: longer outages are waited out by whoever drives the walk, not inside one request. */
const outage: Retry = { kind: 'timed', baseMs: 500, capMs: 60_000, attempts: 14 }
/** A broken answer may be a bad moment of a proxy; one that stays broken is the vendor's fault and needs a person. */
const fewTimes: Retry = { kind: 'timed', baseMs: 500, capMs: 10_000, attempts: 4 }

export const FAILURES = {
  auth: { code: 'auth', retry: { kind: 'after-refresh' }, operator: 'Check the credential, or connect the account again.' },
  permission: { code: 'permission', retry: never, operator: 'Give the account of this credential access to what is read.' },
  gone: { code: 'gone', retry: never, operator: 'Check the id; if every path answers like this, check the base URL.' },
  'rate-limit': {
    code: 'rate-limit',
    // The base stands in for a missing Retry-After: one usual period of a vendor's window.
    retry: { kind: 'timed', baseMs: 20_000, capMs: 15 * 60_000, attempts: 20 },
    operator: 'Wait; if it lasts, something else is using up the limit of this credential.',
  },
  'bad-request': { code: 'bad-request', retry: never, operator: 'Report it: the vendor does not accept what we ask.' },
  server: { code: 'transient', retry: outage, operator: 'Wait for the vendor to recover, and look at its status page.' },
  timeout: { code: 'transient', retry: outage, operator: 'Check the network, or allow more time for a request.' },
  network: { code: 'transient', retry: outage, operator: 'Check the network between this machine and the vendor.' },
  host: { code: 'transient', retry: outage, operator: 'Check the base URL: its host or port is wrong, or DNS is.' },
  tls: { code: 'transient', retry: outage, operator: 'Check the base URL (https, host) and the certificates in between.' },
  'bad-response': { code: 'bad-response', retry: fewTimes, operator: 'Check the base URL; if it is right, ask the vendor.' },
  redirect: { code: 'bad-response', retry: never, operator: 'Set the base URL to the address that answers itself.' },
  'too-large': { code: 'too-large', retry: never, operator: 'Ask for fewer records a page, or raise the cap.' },
} as const satisfies Record<string, FailureRule>

export type FailureKind = keyof typeof FAILURES

/** What is known besides the kind. `rate` is empty when the vendor did not answer. */
export interface FailureFacts extends Pick<ErrorOptions, 'details'> {
  readonly status?: number
  readonly rate?: RateObservation
  readonly remedy?: string
  /** No connection stood: nothing of the request can have arrived. */
  readonly unsent?: boolean
  /** Of an answer above the cap. */
  readonly received?: ReceivedPart
  /** Of a request that the vendor finds wrong. */
  readonly problems?: readonly Problem[]
}

/** One thing that the vendor finds wrong with a request, in its own words. */
export interface Problem {
  /** E.g. `address can't be blank`. It may repeat what was sent. */
  readonly detail: string
  /** The attribute that it is about, where the vendor says so. */
  readonly attribute: string | null
}

/** A failed request, or an answer that is not what it should be. */
export class ApiError extends SynclineError {
  readonly kind: FailureKind
  readonly status: number | undefined
  readonly rate: RateObservation
  readonly unsent: boolean
  /** Hidden from whoever prints the error: it holds payload. */
  readonly #received: ReceivedPart | undefined
  /** Hidden likewise. */
  readonly #problems: readonly Problem[]

  constructor(kind: FailureKind, message: string, facts: FailureFacts = {}) {
    const { status, rate = {}, remedy = FAILURES[kind].operator, details } = facts
    super(FAILURES[kind].code, message, { remedy, details: { ...details, kind, ...(status === undefined ? {} : { status }) } })
    this.kind = kind
    this.status = status
    this.rate = rate
    this.unsent = facts.unsent ?? false
    this.#received = facts.received
    this.#problems = facts.problems ?? []
  }

  get received(): ReceivedPart | undefined {
    return this.#received
  }

  /** What the vendor finds wrong, of kind `bad-request`; empty when it does not say. */
  get problems(): readonly Problem[] {
    return this.#problems
  }
}

/** Narrows what was thrown: to any failed request, or to those of these kinds. */
export const isApiError = (error: unknown, ...kinds: readonly FailureKind[]): error is ApiError =>
  error instanceof ApiError && (kinds.length === 0 || kinds.includes(error.kind))

/** The answer came, but is not the API's documented format or not what was asked for. */
export const badResponse = (message: string, details?: Readonly<Record<string, unknown>>): ApiError =>
  new ApiError('bad-response', message, details === undefined ? {} : { details })

/** The kind of a status that is not 2xx. */
export const kindOfStatus = (status: number): FailureKind => {
  if (status === 401) return 'auth'
  if (status === 403) return 'permission'
  if (status === 404 || status === 410) return 'gone'
  if (status === 429) return 'rate-limit'
  if (status === 408 || status === 425 || status >= 500) return 'server'
  if (status >= 400) return 'bad-request'
  return status >= 300 ? 'redirect' : 'bad-response'
}

const HOST_ERRORS = new Set(['ENOTFOUND', 'ECONNREFUSED', 'EADDRNOTAVAIL', 'EHOSTUNREACH'])
const TLS_ERRORS =
  /^(ERR_TLS|ERR_SSL|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(GET|VERIFY|DECRYPT|DECODE)|HOSTNAME_MISMATCH|EPROTO)/

/** The kind of an error of the socket, by the system's code: the host (URL), TLS, not HTTP at all, or the network. */
export const kindOfSystemError = (code: string | undefined): FailureKind => {
  if (code === undefined) return 'network'
  if (HOST_ERRORS.has(code)) return 'host'
  if (TLS_ERRORS.test(code)) return 'tls'
  // The parser's errors: something answers, but it does not speak HTTP as it should.
  return code.startsWith('HPE_') || code.startsWith('Z_') ? 'bad-response' : 'network'
}

/** Of a look-up, of connecting, of a certificate that is not trusted: whatever else a socket says may come when the request is on its way. */
const BEFORE_SENDING =
  /^(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|EADDRNOTAVAIL|ERR_TLS_CERT_ALTNAME_INVALID|CERT_|SELF_SIGNED|DEPTH_ZERO|UNABLE_TO_(GET|VERIFY)|HOSTNAME_MISMATCH)/

export const isBeforeSending = (code: string | undefined): boolean => code !== undefined && BEFORE_SENDING.test(code)

/** The request was certainly not carried out: repeating it cannot do its work twice. */
export const isNotCarriedOut = (error: ApiError): boolean => error.kind === 'rate-limit' || error.kind === 'auth' || error.unsent
