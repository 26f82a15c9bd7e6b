// Consent at a simulator, without a browser; and a connection as `org connect` leaves it.
import { request } from 'node:http'
import { consentUrl, exchangeCode, type Tokens } from '../../adapters/core/oauth.ts'
import { pco } from '../../adapters/pco/pco.ts'
import { saveAuthorised } from '../../ledger/authorised.ts'
import type { KeyRing } from '../../ledger/secrets.ts'
import type { Pool } from '../../platform/postgres.ts'
import type { Simulator } from '../../simulator/simulator.ts'

const REDIRECT_URI = 'http://127.0.0.1:1/callback'
const VERIFIER = 'a-verifier-of-at-least-forty-three-characters'

/** Where the vendor sends the browser that opens `url`. */
export const followConsent = (url: string): Promise<URL> =>
  new Promise((resolve, reject) => {
    request(url, (response) => {
      response.resume()
      const { location } = response.headers
      if (location === undefined) reject(new Error(`consent was answered with ${response.statusCode}`))
      else resolve(new URL(location))
    })
      .once('error', reject)
      .end()
  })

/**
 * The administrator's browser beside a command: is given what that has printed so far, and opens each address of consent once. Where it comes
 * back through a proxy, `origin` is what stands behind that.
 */
export const browser = (origin?: string) => {
  const opened = new Set<string>()
  return async (output: string): Promise<void> => {
    for (const [url] of output.matchAll(/https?:\/\/\S+\/oauth\/authorize\?\S+(?=\s)/g)) {
      if (opened.has(url)) continue
      opened.add(url)
      const back = await followConsent(url)
      await fetch(origin === undefined ? back : `${origin}${back.pathname}${back.search}`)
    }
  }
}

const api = pco.oauth
if (api === undefined) throw new Error('The adapter has no OAuth')
export const pcoOAuth = api

export const tokensOf = async (simulator: Simulator): Promise<Tokens> => {
  const { app, url: baseUrl } = simulator
  const consent = { clientId: app.clientId, redirectUri: REDIRECT_URI, scope: api.scope, state: 'state', verifier: VERIFIER }
  const back = await followConsent(consentUrl(api, baseUrl, consent))
  const grant = { code: back.searchParams.get('code') ?? '', redirectUri: REDIRECT_URI, verifier: VERIFIER }
  const answer = await exchangeCode({ api, baseUrl, app }, grant)
  if (answer.kind !== 'tokens') throw new Error(`no tokens: ${answer.kind}`)
  return answer.tokens
}

/** As `org connect` leaves it. */
export const authorise = async (pool: Pool, ring: KeyRing, simulator: Simulator, orgId: string): Promise<void> => {
  const { app, url: baseUrl } = simulator
  // Before the tokens are asked for, by the clock that they will be judged by.
  const { rows } = await pool.query<{ at: Date }>('select clock_timestamp() as at')
  await saveAuthorised(pool, ring, {
    ...{ orgId, source: 'pco', adapter: 'pco', baseUrl, settings: {}, rateLimit: null },
    limitKey: `limit-${orgId}`,
    ...app,
    pair: await tokensOf(simulator),
    at: rows[0]?.at ?? new Date(0),
  })
}
