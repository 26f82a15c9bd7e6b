// How a church is connected to Planning Center by OAuth: paths, scope, and how the person who consented is told, by whom the limit counts.
import { z } from 'zod'
import type { OAuthApi } from '../core/adapter.ts'
import { badResponse } from '../core/errors.ts'

const meSchema = z.object({
  data: z.object({ id: z.string().min(1) }),
  meta: z.object({ parent: z.object({ id: z.string().min(1) }) }),
})

/** Throws ApiError('bad-response'). The organisation comes first: ids of people are its own. */
const readMe = (body: Buffer): string => {
  try {
    const { data, meta } = meSchema.parse(JSON.parse(body.toString('utf8')))
    return `${meta.parent.id}/${data.id}`
  } catch {
    throw badResponse('The answer for the person of these tokens names no person')
  }
}

export const pcoOAuth: OAuthApi = {
  authorizePath: '/oauth/authorize',
  tokenPath: '/oauth/token',
  scope: 'people groups',
  pkce: true,
  identity: { request: { method: 'GET', path: '/people/v2/me', query: {} }, read: readMe },
}
