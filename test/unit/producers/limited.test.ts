// A connection outside of ranges: no send without a permit, and the limiter learns how each ended (invariant 7).
import { expect, it } from 'vitest'
import type { ApiRequest, ApiResponse } from '../../../adapters/core/adapter.ts'
import { ApiError } from '../../../adapters/core/errors.ts'
import { pco } from '../../../adapters/pco/pco.ts'
import type { VendorConnection } from '../../../producers/connections.ts'
import { limitedConnection } from '../../../producers/limited.ts'
import type { Limiter } from '../../../producers/limiter/limiter.ts'

const REQUEST: ApiRequest = { method: 'GET', path: '/people/v2/people/1', query: {} }
const RESPONSE: ApiResponse = { status: 200, headers: {}, body: Buffer.alloc(0), rate: { count: 7 } }

/** Waits once before the first permit; `answer` is what the vendor does. */
const stage = (answer: () => Promise<ApiResponse>) => {
  const told: string[] = []
  let waits = 1
  const limiter: Limiter = {
    acquire: () => Promise.reject(new Error('the connection asks')),
    settle: async (_, { id }, observation) => void told.push(`settle ${id} ${JSON.stringify(observation)}`),
    release: async (_, { id }) => void told.push(`release ${id}`),
    announce: async () => undefined,
  }
  const vendor: VendorConnection = {
    adapter: pco,
    api: {
      send: () => {
        told.push('send')
        return answer()
      },
      close: async () => undefined,
    },
    auth: { headers: async () => ({}), refresh: async () => false },
    limiterKey: 'key',
    account: { compare: async () => null, takeIn: async () => undefined },
    permit: async () => {
      if (waits-- > 0) return { retryAfterMs: 1 }
      told.push('permit')
      return { permit: { id: 'p', expiresAt: performance.now() + 1_000 } }
    },
  }
  return { told, connection: limitedConnection(vendor, limiter, () => void told.push('wait')) }
}

it('sends only with a permit, and tells the limiter what the answer said', async () => {
  const { told, connection } = stage(async () => RESPONSE)
  expect(await connection.send(REQUEST)).toBe(RESPONSE)
  expect(told).toEqual(['wait', 'permit', 'send', 'settle p {"count":7}'])
})

it('a refusal for the limit without a time counts as one period', async () => {
  const { told, connection } = stage(() => Promise.reject(new ApiError('rate-limit', 'refused', { status: 429 })))
  await expect(connection.send(REQUEST)).rejects.toThrow('refused')
  expect(told.at(-1)).toBe('settle p {"retryAfterMs":20000}')
})
