import { describe, expect, it } from 'vitest'
import { RateWindow } from '../../../simulator/rate.ts'
import { basic, request, withSimulator } from './client.ts'

const people = '/people/v2/people?per_page=1'

describe('credentials', () => {
  it.each([null, 'Basic nonsense', basic('simulated-app:wrong'), 'Bearer unknown', 'simulated-secret'])(
    'refuses %s with 401 and the reason as JSON',
    async (authorization) => {
      await withSimulator({ people: 1 }, async (simulator) => {
        const { status, body, headers } = await request(simulator, people, { authorization })
        expect(status).toBe(401)
        expect(body).toMatchObject({ errors: [{ status: '401' }] })
        expect(headers.get('content-type')).toContain('application/json')
      })
    },
  )

  it('accepts the personal and bearer tokens it was told, and those alone', async () => {
    await withSimulator({ people: 1, personalTokens: ['app:secret'], bearerTokens: ['token-1'] }, async (simulator) => {
      expect((await request(simulator, people, { authorization: basic('app:secret') })).status).toBe(200)
      expect((await request(simulator, people, { authorization: 'Bearer token-1' })).status).toBe(200)
      expect((await request(simulator, people, { authorization: basic('simulated-app:simulated-secret') })).status).toBe(401)
    })
  })
})

describe('the version', () => {
  it('is the one that the request pins, else the product’s', async () => {
    await withSimulator({ people: 40 }, async (simulator) => {
      const version = async (path: string, headers: Record<string, string> = {}) =>
        (await request(simulator, path, { headers })).headers.get('x-pco-api-processed-as-version')
      expect(await version(people)).toBe('2025-03-20')
      expect(await version('/groups/v2/groups')).toBe('2023-07-10')
      expect(await version(people, { 'X-PCO-API-Version': '2018-08-01' })).toBe('2018-08-01')
      expect(await version('/bogus')).toBeNull()
    })
  })
})

describe('the limit', () => {
  it('counts in headers, then refuses with 429, Retry-After and the vendor’s words, and lets in again', async () => {
    await withSimulator({ people: 1, rate: { limit: 3, periodSeconds: 1 } }, async (simulator) => {
      for (const count of ['1', '2', '3']) {
        const { status, headers } = await request(simulator, people)
        expect([status, headers.get('x-pco-api-request-rate-count')]).toEqual([200, count])
        expect(headers.get('x-pco-api-request-rate-limit')).toBe('3')
        expect(headers.get('x-pco-api-request-rate-period')).toBe('1')
      }
      const refused = await request(simulator, people)
      expect(refused.status).toBe(429)
      expect(refused.headers.get('retry-after')).toBe('1')
      expect(refused.body).toEqual({ errors: [{ code: '429', detail: 'Rate limit exceeded: 4 of 3 requests per 1 seconds' }] })
      await new Promise((resolve) => setTimeout(resolve, 1010))
      expect((await request(simulator, people)).status).toBe(200)
      expect(simulator.stats()).toMatchObject({ calls: 5, violations: 1, maxInWindow: 4, byStatus: { 200: 4, 429: 1 } })
    })
  })

  it('is each credential’s own, and does not count who is unknown', async () => {
    await withSimulator(
      { people: 1, rate: { limit: 1, periodSeconds: 20 }, personalTokens: ['a:1', 'b:2'] },
      async (simulator) => {
        for (const token of ['a:1', 'b:2'])
          expect((await request(simulator, people, { authorization: basic(token) })).status).toBe(200)
        expect((await request(simulator, people, { authorization: null })).status).toBe(401)
        expect(simulator.stats().byCredential).toEqual({
          'pat:a': { calls: 1, maxInWindow: 1, violations: 0 },
          'pat:b': { calls: 1, maxInWindow: 1, violations: 0 },
        })
      },
    )
  })

  it('is 75 of 100 beyond an offset of 30,000', async () => {
    await withSimulator({ people: 1, rate: { limit: 100, periodSeconds: 20 } }, async (simulator) => {
      const { headers } = await request(simulator, `${people}&offset=30001`)
      expect(headers.get('x-pco-api-request-rate-limit')).toBe('75')
    })
  })

  it('slides: no period anywhere holds more than the limit unnoticed', () => {
    const window = new RateWindow({ limit: 2, periodSeconds: 1 })
    const refused = [0, 900, 999, 1000, 1901, 3000].map((at) => window.arrive(at, 2).refused)
    expect(refused).toEqual([false, false, true, true, true, false])
    expect(window).toMatchObject({ max: 3, violations: 3 })
  })

  it('names a wait after which one request passes', () => {
    const window = new RateWindow({ limit: 2, periodSeconds: 20 })
    for (const at of [0, 4000]) window.arrive(at, 2)
    const { retryAfterSeconds } = window.arrive(5000, 2)
    expect(retryAfterSeconds).toBe(19)
    expect(window.arrive(5000 + retryAfterSeconds * 1000, 2)).toMatchObject({ refused: false })
  })

  it('does not exist when none is given', async () => {
    await withSimulator({ people: 1 }, async (simulator) => {
      expect((await request(simulator, people)).headers.has('x-pco-api-request-rate-limit')).toBe(false)
    })
  })
})

describe('latency', () => {
  it('is the least that an answer takes', async () => {
    await withSimulator({ people: 1, latencyMs: 80 }, async (simulator) => {
      const begun = performance.now()
      await request(simulator, people)
      expect(performance.now() - begun).toBeGreaterThanOrEqual(79)
    })
  })
})
