import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { consentUrl, exchangeCode, refreshTokens, type TokenAnswer } from '../../../adapters/core/oauth.ts'
import { pcoOAuth } from '../../../adapters/pco/oauth.ts'
import { type Answer, json, raw, type ScriptedServer, startScriptedServer, text } from './scripted-server.ts'

let server: ScriptedServer
beforeAll(async () => {
  server = await startScriptedServer()
})
afterAll(() => server.close())

const app = { clientId: 'client', clientSecret: 'canary-secret' }
const pair = {
  access_token: 'canary-access',
  refresh_token: 'canary-refresh',
  expires_in: 7200,
  scope: 'people',
  token_type: 'Bearer',
}
const endpoint = (baseUrl = server.url) => ({ api: pcoOAuth, baseUrl, app })
const refresh = (answer: Answer): Promise<TokenAnswer> => {
  server.script(answer)
  return refreshTokens(endpoint(), 'canary-old')
}

describe('the address for consent', () => {
  it('has the challenge and never the verifier, and no secret', () => {
    const verifier = 'v'.repeat(43)
    const consent = {
      clientId: 'client',
      redirectUri: 'http://127.0.0.1:1/callback',
      scope: 'people groups',
      state: 's',
      verifier,
    }
    const url = new URL(consentUrl(pcoOAuth, 'https://api.example.org', consent))
    expect(`${url.origin}${url.pathname}`).toBe('https://api.example.org/oauth/authorize')
    expect(Object.fromEntries(url.searchParams)).toMatchObject({
      response_type: 'code',
      state: 's',
      code_challenge_method: 'S256',
    })
    expect(url.href).not.toContain(verifier)
    expect(new URL(consentUrl({ ...pcoOAuth, pkce: false }, 'https://a.b', consent)).searchParams.has('code_challenge')).toBe(
      false,
    )
  })
})

describe('a request for tokens', () => {
  it('is a form, with the secret in its body alone', async () => {
    server.script(json(pair))
    const answer = await exchangeCode(endpoint(), { code: 'c', redirectUri: 'http://r/', verifier: 'v' })
    expect(answer).toEqual({
      kind: 'tokens',
      tokens: { accessToken: 'canary-access', refreshToken: 'canary-refresh', expiresInSeconds: 7200, scope: 'people' },
    })
    const [{ url, body, headers } = { url: '', body: '', headers: {} }] = server.received
    expect(url).toBe('/oauth/token')
    expect(headers['content-type']).toBe('application/x-www-form-urlencoded')
    expect(Object.fromEntries(new URLSearchParams(body))).toMatchObject({
      grant_type: 'authorization_code',
      client_secret: 'canary-secret',
      code_verifier: 'v',
    })
  })

  it.each([
    ['invalid_grant', json({ error: 'invalid_grant' }, 400), /was used, has expired, or was revoked/],
    ['invalid_client', json({ error: 'invalid_client' }, 401), /client id with this client secret/],
    ['no word of its own', text('canary-old is unknown', 403), /status_403/],
    ['a sentence in place of a word', json({ error: 'canary-old is unknown' }, 400), /status_400/],
  ])('that is refused with %s is told so, and nothing of what was sent', async (_, answer, words) => {
    const result = await refresh(answer)
    expect(result).toMatchObject({ kind: 'refused', reason: expect.stringMatching(words) })
    expect(JSON.stringify(result)).not.toContain('canary')
  })

  it.each([
    ['500', text('', 500)],
    ['a web page', text('<html>')],
    ['a pair without a refresh token', json({ access_token: 'canary-access' })],
    ['a token that cannot stand in a header', json({ ...pair, access_token: 'a\nb' })],
    ['half an answer', raw('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{')],
    ['nothing', (_: unknown, socket: { destroy(): void }) => socket.destroy()],
  ] as const)('that is answered with %s may have been carried out', async (_, answer) => {
    const result = await refresh(answer as Answer) // each of them is one
    expect(result.kind).toBe('unanswered')
    expect('error' in result ? result.error.message : '').not.toContain('canary')
  })

  it('that nobody took, or that is to come later, was not carried out', async () => {
    expect((await refresh(text('', 429))).kind).toBe('later')
    expect((await refreshTokens(endpoint('http://127.0.0.1:9'), 'canary-old')).kind).toBe('later')
  })

  it('follows no redirect: the secret goes to nobody else', async () => {
    const result = await refresh(text('', 307, { location: `${server.url}/elsewhere` }))
    expect(result.kind).toBe('unanswered')
    expect(server.received).toHaveLength(1)
  })
})
