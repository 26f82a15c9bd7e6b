// The addresses of OAuth: a request goes in, an answer comes out, or none: then the connection breaks.
import type { IncomingMessage } from 'node:http'
import { type Answer, notFound } from './answer.ts'
import type { OAuthServer } from './oauth.ts'

/** Form or JSON, as the vendor takes both; the client may stand in an Authorization header. */
const formOf = ({ headers }: IncomingMessage, body: string): URLSearchParams => {
  const isJson = headers['content-type']?.includes('json') === true
  const form = new URLSearchParams(isJson ? (JSON.parse(body) as Record<string, string>) : body)
  const [, encoded] = /^Basic +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  if (encoded === undefined) return form
  const [id = '', secret = ''] = Buffer.from(encoded, 'base64').toString('utf8').split(':')
  form.set('client_id', id)
  form.set('client_secret', secret)
  return form
}

export const answerOAuth = (oauth: OAuthServer, request: IncomingMessage, url: URL, body: string): Answer | undefined => {
  if (request.method === 'GET' && url.pathname === '/oauth/authorize') return oauth.authorize(url.searchParams)
  if (request.method === 'POST' && url.pathname === '/oauth/token') return oauth.token(formOf(request, body))
  return notFound()
}
