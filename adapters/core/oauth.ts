// OAuth 2 of one API: the address at which somebody consents, and token pairs for codes and refresh tokens (RFC 6749, PKCE by RFC 7636).
// Must hold: what became of a request is told apart exactly, because a refresh token is good once; no message carries a token.
import { createHash } from 'node:crypto'
import fetch from 'node-fetch'
import { z } from 'zod'
import type { SynclineError } from '../../platform/errors.ts'
import type { ApiRequest, OAuthApi } from './adapter.ts'
import { readBody } from './body.ts'
import { startDeadline } from './deadline.ts'
import { ApiError, badResponse, isNotCarriedOut, kindOfStatus } from './errors.ts'
import { requestError, statusError } from './http-errors.ts'
import { parseBaseUrl, requestUrl } from './url.ts'

export interface OAuthApp {
  readonly clientId: string
  readonly clientSecret: string
}

export interface Tokens {
  readonly accessToken: string
  readonly refreshToken: string
  readonly expiresInSeconds: number
  readonly scope: string
}

/**
 * tokens: the pair. refused: the vendor has said no, and asking again will not help. unanswered: it may have been carried out or not.
 * later: it was certainly not carried out.
 */
export type TokenAnswer =
  | { readonly kind: 'tokens'; readonly tokens: Tokens }
  | { readonly kind: 'refused'; readonly code: string; readonly reason: string }
  | { readonly kind: 'unanswered' | 'later'; readonly error: ApiError }

export const TIMEOUT_MS = 8_000
const MAX_BODY_BYTES = 64 * 1024
/** What RFC 6749 leaves to the client to know: said by every vendor so far. */
const DEFAULT_LIFE_SECONDS = 3_600

/** Characters of a token in a header; anything else is no token. */
const token = z.string().regex(/^[\x21-\x7e]+$/)
const tokensSchema = z.object({
  access_token: token,
  refresh_token: token,
  expires_in: z.number().positive().optional(),
  scope: z.string().optional(),
})
/** The codes of RFC 6749, and no sentence of the vendor's: it may repeat what it was sent. */
const refusalSchema = z.object({ error: z.string().regex(/^[a-z_]{1,64}$/) })

export const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url')

export interface Consent {
  readonly clientId: string
  readonly redirectUri: string
  readonly scope: string
  readonly state: string
  /** Kept by whoever asks until the code comes; 43 to 128 characters. */
  readonly verifier: string
}

/** Where somebody consents in a browser. */
export const consentUrl = ({ authorizePath, pkce }: OAuthApi, baseUrl: string, c: Consent): string =>
  requestUrl(parseBaseUrl(baseUrl), {
    path: authorizePath,
    query: {
      client_id: c.clientId,
      redirect_uri: c.redirectUri,
      response_type: 'code',
      scope: c.scope,
      state: c.state,
      ...(pkce ? { code_challenge: challengeOf(c.verifier), code_challenge_method: 'S256' } : {}),
    },
  }).href

export interface TokenEndpoint {
  readonly api: OAuthApi
  readonly baseUrl: string
  readonly app: OAuthApp
}

/** A code is good once, too. */
export const exchangeCode = (
  endpoint: TokenEndpoint,
  { code, redirectUri, verifier }: { readonly code: string; readonly redirectUri: string; readonly verifier: string },
): Promise<TokenAnswer> =>
  askForTokens(endpoint, {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    ...(endpoint.api.pkce ? { code_verifier: verifier } : {}),
  })

export const refreshTokens = (endpoint: TokenEndpoint, refreshToken: string): Promise<TokenAnswer> =>
  askForTokens(endpoint, { grant_type: 'refresh_token', refresh_token: refreshToken })

const askForTokens = async (endpoint: TokenEndpoint, grant: Readonly<Record<string, string>>): Promise<TokenAnswer> => {
  const request: ApiRequest = { method: 'POST', path: endpoint.api.tokenPath, query: {} }
  const deadline = startDeadline(TIMEOUT_MS, undefined)
  try {
    const response = await fetch(requestUrl(parseBaseUrl(endpoint.baseUrl), request), {
      method: 'POST',
      headers: { accept: 'application/json', 'user-agent': 'Syncline', 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({
        client_id: endpoint.app.clientId,
        client_secret: endpoint.app.clientSecret,
        ...grant,
      }).toString(),
      redirect: 'manual',
      signal: deadline.signal,
    })
    return answerOf(request, response.status, await readBody(response, MAX_BODY_BYTES))
  } catch (error) {
    return failed(requestError(error, request, deadline))
  } finally {
    deadline.clear()
  }
}

const failed = (error: SynclineError): TokenAnswer => {
  if (!(error instanceof ApiError)) throw error
  return { kind: isNotCarriedOut(error) || error.kind === 'gone' ? 'later' : 'unanswered', error }
}

const parseJson = (body: Buffer): unknown => {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

const answerOf = (request: ApiRequest, status: number, body: Buffer): TokenAnswer => {
  const kind = kindOfStatus(status)
  const isSuccess = status >= 200 && status < 300
  if (!isSuccess && (kind === 'auth' || kind === 'permission' || kind === 'bad-request')) {
    const code = refusalSchema.safeParse(parseJson(body)).data?.error ?? `status_${status}`
    return { kind: 'refused', code, reason: REFUSALS[code] ?? `the vendor refuses it (${code})` }
  }
  if (!isSuccess) return failed(statusError(request, status, {}))
  const parsed = tokensSchema.safeParse(parseJson(body))
  // It was carried out, and the tokens are lost with the answer.
  if (!parsed.success)
    return { kind: 'unanswered', error: badResponse(`The answer to ${request.method} ${request.path} has no tokens`) }
  const { access_token, refresh_token, expires_in = DEFAULT_LIFE_SECONDS, scope = '' } = parsed.data
  return {
    kind: 'tokens',
    tokens: { accessToken: access_token, refreshToken: refresh_token, expiresInSeconds: expires_in, scope },
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  invalid_grant: 'the vendor does not accept it (any more): it was used, has expired, or was revoked',
  invalid_client: 'the vendor does not know this client id with this client secret',
  unauthorized_client: 'the app may not do this at the vendor',
  invalid_scope: 'the vendor does not know one of the scopes',
}
