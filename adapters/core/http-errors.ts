// What node-fetch, sockets and zlib throw goes in; an ApiError with a message for people comes out. node-fetch puts the whole
// address into its messages, query values included: only the system's code is taken from them.
import { SynclineError } from '../../platform/errors.ts'
import type { ApiRequest, RateObservation } from './adapter.ts'
import { BodyTooLarge } from './body.ts'
import type { Deadline } from './deadline.ts'
import { ApiError, type FailureKind, isBeforeSending, kindOfStatus, kindOfSystemError, type Problem } from './errors.ts'

const nameOf = (request: ApiRequest): string => `${request.method} ${request.path}`

const systemCode = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'unknown'

/** An answer that is not 2xx. */
export const statusError = (
  request: ApiRequest,
  status: number,
  rate: RateObservation,
  problems: readonly Problem[] = [],
): ApiError => {
  const kind = kindOfStatus(status)
  return new ApiError(kind, `${nameOf(request)} ${STATUS_MEANS[kind] ?? 'failed'} (status ${status})`, { status, rate, problems })
}

const STATUS_MEANS: Partial<Readonly<Record<FailureKind, string>>> = {
  auth: 'was refused: the vendor does not accept the credential',
  permission: 'was refused: the credential is valid but may not do this',
  gone: 'found nothing there',
  'rate-limit': 'was refused: the limit of this credential is used up',
  server: 'failed on the vendor’s side',
  'bad-request': 'was refused: the vendor says that the request is wrong',
  redirect: 'was answered with a redirect, which is not followed',
}

/** A 2xx answer whose body could not be read to its end. */
export const bodyError = (error: unknown, request: ApiRequest, facts: { status: number; rate: RateObservation }): ApiError =>
  error instanceof BodyTooLarge
    ? new ApiError('too-large', `The answer to ${nameOf(request)} is above the cap: ${error.message}`, {
        ...facts,
        received: error.received,
      })
    : new ApiError('bad-response', `The answer to ${nameOf(request)} broke off or is damaged (${systemCode(error)})`, facts)

/** Whatever else was thrown while sending. Errors that are already ours stay as they are. */
export const requestError = (error: unknown, request: ApiRequest, deadline: Deadline): SynclineError => {
  if (error instanceof SynclineError) return error
  const name = nameOf(request)
  if (deadline.why() === 'timeout') return new ApiError('timeout', `${name} was not finished within ${deadline.timeoutMs} ms`)
  const code = systemCode(error)
  if (error instanceof TypeError) return new SynclineError('internal', `${name} is not a request that can be sent (${code})`)
  const kind = kindOfSystemError(code)
  return new ApiError(kind, `${name} ${TROUBLE[kind] ?? 'failed'} (${code})`, {
    details: { cause: code },
    unsent: isBeforeSending(code),
  })
}

const TROUBLE: Partial<Readonly<Record<FailureKind, string>>> = {
  host: 'could not be sent: nobody answers at the host and port of the base URL',
  tls: 'could not be sent: no encrypted connection could be agreed on',
  network: 'was cut off by the network',
  'bad-response': 'was answered by something that does not speak HTTP',
}
