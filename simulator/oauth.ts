// The vendor's OAuth 2: consent is given at once, tokens come and go. Must hold: a refresh token is good once; one that comes again revokes
// all that came from the same consent, and is counted, apart for those whose successor had been delivered.
import { createHash, randomBytes } from 'node:crypto'
import { type Answer, emptyAnswer, jsonAnswer } from './answer.ts'

export interface OAuthOptions {
  readonly clientId: string
  readonly clientSecret: string
  /** Where codes may be sent; any address when there is none. */
  readonly redirectUris: readonly string[]
  /** Life of an access token. */
  readonly accessTokenSeconds: number
  /** How far the vendor's clock is ahead; it shows in what answers say, and nowhere else. */
  readonly clockAheadMs: number
  /** Begins every token and code: a witness finds what begins so. */
  readonly tokenPrefix: string
}

export const DEFAULT_OAUTH: OAuthOptions = {
  clientId: 'simulated-client',
  clientSecret: 'simulated-client-secret',
  redirectUris: [],
  accessTokenSeconds: 7_200,
  clockAheadMs: 0,
  tokenPrefix: '',
}

/**
 * What goes wrong with a request for tokens. error-500: not carried out. lost: carried out, and the connection breaks before the answer.
 * dropped: the connection breaks before anything is done.
 */
export type TokenFault = 'error-500' | 'lost' | 'dropped'

export interface OAuthStats {
  readonly exchanges: number
  /** Answered with a new pair, delivered or not. */
  readonly refreshes: number
  readonly refused: number
  /** Refresh tokens that came again: after their successor was delivered, and after the answer with it was lost. */
  readonly usedAgain: number
  readonly usedAgainAfterLoss: number
}

interface Grant {
  readonly user: string
  readonly scope: string
  revoked: boolean
}

interface Code {
  readonly grant: Grant
  readonly redirectUri: string
  readonly challenge: string | null
  readonly expiresAtMs: number
}

interface RefreshToken {
  readonly grant: Grant
  used: boolean
  delivered: boolean
}

const CODE_LIFE_MS = 600_000
const METHOD_S256 = 'S256'

const problem = (status: number, error: string): Answer =>
  jsonAnswer(status, { error, error_description: `The request is ${error}` })

/** Undefined: the connection is to be broken. */
export type TokenResult = Answer | undefined

export interface OAuthServer {
  authorize(query: URLSearchParams): Answer
  token(form: URLSearchParams): TokenResult
  /** A name for the user of a bearer token that is valid now. */
  identify(accessToken: string): string | undefined
  /** The next requests for tokens go wrong like this, one after the other. */
  fail(fault: TokenFault, times?: number): void
  /** Those that have not gone wrong yet. */
  failing(): number
  /** So many requests with a valid token are answered with 401. */
  refuseNext(times: number): void
  /** All access tokens expire now. */
  expire(): void
  /** As an administrator does who removes the app: nothing of what was consented to is valid any more. */
  revoke(): void
  /** The next consent is refused. */
  deny(): void
  stats(): OAuthStats
}

/** `nowMs` is monotonic. */
export const createOAuth = (options: OAuthOptions, nowMs: () => number = () => performance.now()): OAuthServer => {
  const codes = new Map<string, Code>()
  const refreshTokens = new Map<string, RefreshToken>()
  const accessTokens = new Map<string, { readonly grant: Grant; expiresAtMs: number }>()
  const grants = new Set<Grant>()
  const faults: TokenFault[] = []
  const stats = { exchanges: 0, refreshes: 0, refused: 0, usedAgain: 0, usedAgainAfterLoss: 0 }
  let refusals = 0
  let denies = false

  const secret = (): string => `${options.tokenPrefix}${randomBytes(24).toString('hex')}`

  const refuse = (status: number, error: string): Answer => {
    stats.refused++
    return problem(status, error)
  }

  const issue = (grant: Grant, delivered: boolean): Answer => {
    const [access_token, refresh_token] = [secret(), secret()]
    accessTokens.set(access_token, { grant, expiresAtMs: nowMs() + options.accessTokenSeconds * 1_000 })
    refreshTokens.set(refresh_token, { grant, used: false, delivered: false })
    const created_at = Math.floor((Date.now() + options.clockAheadMs) / 1_000)
    const { scope } = grant
    const answer = {
      access_token,
      token_type: 'Bearer',
      expires_in: options.accessTokenSeconds,
      refresh_token,
      scope,
      created_at,
    }
    return delivered ? jsonAnswer(200, answer) : emptyAnswer(200)
  }

  const redirect = (uri: string, parameters: Readonly<Record<string, string>>): Answer => {
    const location = new URL(uri)
    for (const [name, value] of Object.entries(parameters)) location.searchParams.set(name, value)
    return { ...emptyAnswer(302), headers: { location: location.href } }
  }

  const codeFor = (query: URLSearchParams, redirectUri: string): string => {
    // Consent is given by the one user of this organisation.
    const grant: Grant = { user: '1', scope: query.get('scope') ?? '', revoked: false }
    grants.add(grant)
    const code = secret()
    codes.set(code, { grant, redirectUri, challenge: query.get('code_challenge'), expiresAtMs: nowMs() + CODE_LIFE_MS })
    return code
  }

  const exchange = (form: URLSearchParams, delivered: boolean): Answer => {
    const name = form.get('code') ?? ''
    const code = codes.get(name)
    codes.delete(name)
    const verifier = form.get('code_verifier')
    const proof = verifier === null ? null : createHash('sha256').update(verifier).digest('base64url')
    if (code === undefined || code.expiresAtMs < nowMs()) return refuse(400, 'invalid_grant')
    if (code.redirectUri !== form.get('redirect_uri') || code.challenge !== proof) return refuse(400, 'invalid_grant')
    stats.exchanges++
    return issue(code.grant, delivered)
  }

  const revokeGrant = (grant: Grant): void => {
    grant.revoked = true
  }

  const refresh = (form: URLSearchParams, delivered: boolean): Answer => {
    const token = refreshTokens.get(form.get('refresh_token') ?? '')
    if (token === undefined) return refuse(400, 'invalid_grant')
    if (token.used) {
      if (token.delivered) stats.usedAgain++
      else stats.usedAgainAfterLoss++
      revokeGrant(token.grant)
      return refuse(400, 'invalid_grant')
    }
    if (token.grant.revoked) return refuse(400, 'invalid_grant')
    token.used = true
    token.delivered = delivered
    stats.refreshes++
    return issue(token.grant, delivered)
  }

  const carryOut = (form: URLSearchParams, delivered: boolean): Answer => {
    if (form.get('client_id') !== options.clientId || form.get('client_secret') !== options.clientSecret) {
      return refuse(401, 'invalid_client')
    }
    const grantType = form.get('grant_type')
    if (grantType === 'authorization_code') return exchange(form, delivered)
    return grantType === 'refresh_token' ? refresh(form, delivered) : refuse(400, 'unsupported_grant_type')
  }

  return {
    authorize: (query) => {
      const redirectUri = query.get('redirect_uri') ?? ''
      const { redirectUris, clientId } = options
      const isKnown = redirectUris.length === 0 ? URL.canParse(redirectUri) : redirectUris.includes(redirectUri)
      if (query.get('client_id') !== clientId || !isKnown) return refuse(400, 'invalid_request')
      const state = query.get('state') ?? ''
      if (query.get('response_type') !== 'code') return redirect(redirectUri, { error: 'unsupported_response_type', state })
      if (query.has('code_challenge') && query.get('code_challenge_method') !== METHOD_S256) {
        return redirect(redirectUri, { error: 'invalid_request', state })
      }
      if (denies) {
        denies = false
        return redirect(redirectUri, { error: 'access_denied', state })
      }
      return redirect(redirectUri, { code: codeFor(query, redirectUri), state })
    },
    token: (form) => {
      const fault = faults.shift()
      if (fault === 'error-500') return problem(500, 'server_error')
      if (fault === 'dropped') return undefined
      if (fault !== 'lost') return carryOut(form, true)
      carryOut(form, false)
      return undefined
    },
    identify: (accessToken) => {
      const found = accessTokens.get(accessToken)
      if (found === undefined || found.grant.revoked || found.expiresAtMs <= nowMs()) return undefined
      if (refusals === 0) return found.grant.user
      refusals--
      return undefined
    },
    fail: (fault, times = 1) => void faults.push(...Array.from({ length: times }, () => fault)),
    failing: () => faults.length,
    refuseNext: (times) => {
      refusals = times
    },
    expire: () => {
      for (const token of accessTokens.values()) token.expiresAtMs = nowMs()
    },
    revoke: () => {
      for (const grant of grants) revokeGrant(grant)
    },
    deny: () => {
      denies = true
    },
    stats: () => ({ ...stats }),
  }
}
