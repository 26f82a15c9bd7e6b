// HTTP around the API. A request passes, in this order: control address, OAuth or credential, limit, the API, delivery.
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { messageOf } from '../platform/errors.ts'
import { type Answer, errorAnswer, tooMany, unauthorized } from './answer.ts'
import type { Api } from './api.ts'
import { VERSIONS } from './catalogue/catalogue.ts'
import type { Product } from './catalogue/spec.ts'
import type { Control } from './control.ts'
import type { Credentials } from './credentials.ts'
import type { OAuthServer } from './oauth.ts'
import { answerOAuth } from './oauth-http.ts'
import type { Rate } from './rate.ts'
import type { Meter } from './stats.ts'
import type { Tampering } from './tampering.ts'

const MAX_BODY_BYTES = 4_000_000
const RATE = 'x-pco-api-request-rate'

export interface ServerParts {
  readonly credentials: Credentials
  readonly rate: Rate | undefined
  readonly latencyMs: number
  /** The version that answers name when the request pins none. */
  readonly version: string | undefined
  readonly api: () => Api
  readonly meter: () => Meter
  readonly control: Control
  readonly oauth: OAuthServer
  /** What goes wrong with the answer to this request. */
  readonly tampering: (method: string, url: URL) => Tampering | undefined
}

interface Exchange {
  readonly request: IncomingMessage
  readonly url: URL
  readonly arrivedMs: number
  readonly tampering: Tampering | undefined
}

const readBody = async (request: IncomingMessage): Promise<string | undefined> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request) {
    // A request without an encoding yields buffers.
    const part = chunk as Buffer
    bytes += part.length
    if (bytes > MAX_BODY_BYTES) return undefined
    chunks.push(part)
  }
  return Buffer.concat(chunks).toString('utf8')
}

/** Credentials are named `kind:user`. */
const userOf = (credential: string): string => credential.slice(credential.indexOf(':') + 1)

const offsetOf = (url: URL): number => Number(url.searchParams.get('offset') ?? 0) || 0

export const createSimulatorServer = (parts: ServerParts): Server => {
  const versionHeader = (request: IncomingMessage, product: Product | undefined): Record<string, string> => {
    if (product === undefined) return {}
    const pinned = request.headers['x-pco-api-version']
    return { 'x-pco-api-processed-as-version': typeof pinned === 'string' ? pinned : (parts.version ?? VERSIONS[product]) }
  }

  /** What the API says to a request whose credential is known: possibly that there are too many. */
  const answerKnown = async ({ request, url, arrivedMs, tampering }: Exchange, credential: string): Promise<Answer> => {
    const arrival = parts.meter().arrive(credential, arrivedMs, offsetOf(url))
    const limits = (product: Product | undefined): Record<string, string> =>
      arrival === undefined || parts.rate === undefined
        ? {}
        : {
            [`${RATE}-limit`]: String(arrival.limit),
            // The vendor says it with the unit where no product took the request.
            [`${RATE}-period`]: `${parts.rate.periodSeconds}${product === undefined ? ' seconds' : ''}`,
            [`${RATE}-count`]: String(arrival.count),
          }
    if (arrival?.refused === true) {
      const refusal = tooMany(arrival.count, arrival.limit, parts.rate?.periodSeconds ?? 0, arrival.retryAfterSeconds)
      return { ...refusal, headers: { ...refusal.headers, ...limits('people') } }
    }
    const method = request.method ?? 'GET'
    const body = method === 'GET' ? '' : await readBody(request)
    if (body === undefined) return errorAnswer(413, [{ title: 'Payload Too Large', detail: 'The body is too large' }])
    const api = parts.api()
    const isMe = method === 'GET' && url.pathname === '/people/v2/me'
    const { answer, product } = isMe ? api.me(userOf(credential)) : api.answer(method, tampering?.ask?.(url) ?? url, body)
    return { ...answer, headers: { ...answer.headers, ...limits(product), ...versionHeader(request, product) } }
  }

  /** Undefined: no answer, the connection breaks. */
  const answerTo = async (exchange: Exchange): Promise<Answer | undefined> => {
    const { request, url } = exchange
    if (parts.control.accepts(request, url))
      return parts.control.answer(request.method ?? 'GET', url, (await readBody(request)) ?? '')
    if (url.pathname.startsWith('/oauth/')) return answerOAuth(parts.oauth, request, url, (await readBody(request)) ?? '')
    const credential = parts.credentials.identify(request.headers.authorization)
    const answer = credential === undefined ? unauthorized() : await answerKnown(exchange, credential)
    parts.meter().answered(request.method ?? 'GET', url.pathname, answer.status)
    return answer
  }

  const deliver = (response: ServerResponse, { status, headers, body }: Answer): void => {
    response.writeHead(status, status === 204 ? headers : { ...headers, 'content-length': body.length })
    response.end(body)
  }

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://simulator')
    const tampering = parts.tampering(request.method ?? 'GET', url)
    const exchange = { request, url, arrivedMs: performance.now(), tampering }
    const answer = await answerTo(exchange)
    if (answer === undefined) {
      response.destroy()
      return
    }
    const send = tampering?.deliver ?? deliver
    if (parts.latencyMs === 0) send(response, answer)
    else setTimeout(send, Math.max(0, exchange.arrivedMs + parts.latencyMs - performance.now()), response, answer)
  }

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else deliver(response, errorAnswer(500, [{ title: 'Internal Server Error', detail: messageOf(error) }]))
    })
  })
  server.keepAliveTimeout = 60_000
  return server
}
