import { describe, expect, it } from 'vitest'
import { challengeOf } from '../../../adapters/core/oauth.ts'
import { createOAuth, DEFAULT_OAUTH, type OAuthOptions, type TokenResult } from '../../../simulator/oauth.ts'

const REDIRECT = 'http://127.0.0.1:1/callback'
const VERIFIER = 'v'.repeat(43)

const serverOf = (options: Partial<OAuthOptions> = {}) => {
  const clock = { ms: 0 }
  const oauth = createOAuth({ ...DEFAULT_OAUTH, ...options }, () => clock.ms)
  const app = { client_id: DEFAULT_OAUTH.clientId, client_secret: DEFAULT_OAUTH.clientSecret }
  const consent = (more: Record<string, string> = {}) => {
    const query = { client_id: app.client_id, redirect_uri: REDIRECT, response_type: 'code', scope: 'people', state: 's' }
    const pkce = { code_challenge: challengeOf(VERIFIER), code_challenge_method: 'S256' }
    const { status, headers } = oauth.authorize(new URLSearchParams({ ...query, ...pkce, ...more }))
    return { status, back: new URL(headers['location'] ?? 'http://nowhere') }
  }
  const token = (form: Record<string, string>) => oauth.token(new URLSearchParams({ ...app, ...form }))
  const exchange = (code: string, more: Record<string, string> = {}) =>
    token({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT, code_verifier: VERIFIER, ...more })
  const connect = () => bodyOf(exchange(consent().back.searchParams.get('code') ?? ''))
  const refresh = (refresh_token: string) => token({ grant_type: 'refresh_token', refresh_token })
  return { oauth, clock, consent, exchange, connect, refresh }
}

const bodyOf = (answer: TokenResult): Record<string, string> => JSON.parse(answer?.body.toString() ?? '{}')

describe('consent', () => {
  it('goes back with state and a code that is good once, for its address and verifier', () => {
    const { consent, exchange, oauth } = serverOf()
    const { status, back } = consent()
    expect([status, back.searchParams.get('state')]).toEqual([302, 's'])
    const codes = Array.from({ length: 4 }, () => consent().back.searchParams.get('code') ?? '')
    expect(exchange(codes[0] ?? '')?.status).toBe(200)
    expect(bodyOf(exchange(codes[0] ?? ''))).toMatchObject({ error: 'invalid_grant' })
    expect(bodyOf(exchange(codes[1] ?? '', { code_verifier: 'w'.repeat(43) }))).toMatchObject({ error: 'invalid_grant' })
    expect(bodyOf(exchange(codes[2] ?? '', { redirect_uri: `${REDIRECT}x` }))).toMatchObject({ error: 'invalid_grant' })
    expect(bodyOf(exchange(codes[3] ?? '', { client_secret: 'wrong' }))).toMatchObject({ error: 'invalid_client' })
    expect(oauth.stats()).toMatchObject({ exchanges: 1, refused: 4 })
  })

  it('is for known apps and addresses, and sends nobody anywhere else', () => {
    const { consent } = serverOf({ redirectUris: [REDIRECT] })
    expect(consent({ redirect_uri: 'http://elsewhere/' }).status).toBe(400)
    expect(consent({ client_id: 'another' }).status).toBe(400)
    expect(consent({ code_challenge_method: 'plain' }).back.searchParams.get('error')).toBe('invalid_request')
  })
})

describe('tokens', () => {
  it('expire, and are refreshed by a token that is good once', () => {
    const { oauth, clock, connect, refresh } = serverOf({ accessTokenSeconds: 10 })
    const first = connect()
    expect(oauth.identify(first['access_token'] ?? '')).toBe('1')
    clock.ms = 10_000
    expect(oauth.identify(first['access_token'] ?? '')).toBeUndefined()
    const second = bodyOf(refresh(first['refresh_token'] ?? ''))
    expect(oauth.identify(second['access_token'] ?? '')).toBe('1')
  })

  it('are revoked when a used refresh token comes again, and it is counted whether its successor was delivered', () => {
    const { oauth, connect, refresh } = serverOf()
    const first = connect()
    const second = bodyOf(refresh(first['refresh_token'] ?? ''))
    expect(refresh(first['refresh_token'] ?? '')?.status).toBe(400)
    expect(oauth.identify(second['access_token'] ?? '')).toBeUndefined()
    expect(refresh(second['refresh_token'] ?? '')?.status).toBe(400)
    const other = connect()
    oauth.fail('lost')
    expect(refresh(other['refresh_token'] ?? '')).toBeUndefined()
    expect(refresh(other['refresh_token'] ?? '')?.status).toBe(400)
    expect(oauth.stats()).toMatchObject({ refreshes: 2, usedAgain: 1, usedAgainAfterLoss: 1 })
  })

  it('are not touched by a refresh that fails before it is carried out', () => {
    const { oauth, connect, refresh } = serverOf()
    const { refresh_token = '' } = connect()
    oauth.fail('error-500')
    oauth.fail('dropped')
    expect([refresh(refresh_token)?.status, refresh(refresh_token), refresh(refresh_token)?.status]).toEqual([
      500,
      undefined,
      200,
    ])
  })

  it('say the vendor’s time, however wrong', () => {
    const { connect } = serverOf({ clockAheadMs: 600_000 })
    expect(Number(connect()['created_at']) * 1_000 - Date.now()).toBeGreaterThan(590_000)
  })
})
