// A request's address is made of our own base URL, a path and a query; nothing a vendor sends ever becomes an address.
import { SynclineError } from '../../platform/errors.ts'
import type { ApiRequest } from './adapter.ts'

/** Checks a base URL: http or https, no credentials, query or fragment. Throws SynclineError('config') without repeating it. */
export const parseBaseUrl = (text: string): URL => {
  const url = URL.canParse(text) ? new URL(text) : null
  const remedy = 'Give it as https://host or https://host/prefix.'
  if (url === null) throw new SynclineError('config', 'The base URL is not a URL', { remedy })
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new SynclineError('config', `The base URL begins with ${url.protocol} instead of https:`, { remedy })
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new SynclineError('config', 'The base URL has a credential, query or fragment in it', { remedy })
  }
  return url
}

/** Brackets of `where[created_at][gte]` are percent-encoded, which PCO takes as well as bare ones. */
export const requestUrl = (base: URL, request: Pick<ApiRequest, 'path' | 'query'>): URL => {
  const { path } = request
  if (!/^\/[^?#\\]*$/.test(path) || path.split('/').includes('..')) {
    throw new SynclineError('internal', 'A request path is not a plain path below the base URL')
  }
  const url = new URL(base)
  url.pathname = base.pathname.replace(/\/+$/, '') + path
  url.search = new URLSearchParams(request.query).toString()
  return url
}
