// Whose a credential is, as an API answers that.
import { expect, test } from 'vitest'
import { ApiError, badResponse, type FailureKind } from '../../../adapters/core/errors.ts'
import { identify } from '../../../adapters/core/identity.ts'
import { pcoIdentity } from '../../../adapters/pco/identity.ts'

const me = (text: string) => identify(pcoIdentity, async () => ({ body: Buffer.from(text) }))

test('Planning Center says the organisation and the person; where it does not, nobody is known', async () => {
  expect(await me('{"data":{"id":"7"},"meta":{"parent":{"id":"3"}}}')).toEqual({ account: '3', user: '7' })
  expect(await me('{"data":{"id":7},"meta":{"parent":{"id":3}}}')).toEqual({ account: '3', user: '7' })
  for (const text of ['{"data":{}}', '{"data":{"id":"7"},"meta":{}}', '{"data":{"id":"7"},"meta":{"parent":{"id":""}}}', '[]']) {
    expect(await me(text), text).toBeNull()
  }
})

test('an answer that is none of the API is no answer', async () => {
  await expect(me('<html>')).rejects.toThrow('web page')
})

test('who may not ask is not known; any other failure is one', async () => {
  const failing = (kind: FailureKind) => identify(pcoIdentity, () => Promise.reject(new ApiError(kind, kind)))
  for (const kind of ['permission', 'gone', 'too-large'] as const) expect(await failing(kind), kind).toBeNull()
  for (const kind of ['auth', 'network', 'rate-limit', 'server'] as const) await expect(failing(kind), kind).rejects.toThrow(kind)
  await expect(identify(pcoIdentity, () => Promise.reject(badResponse('broken')))).rejects.toThrow('broken')
  expect(await identify(undefined, () => Promise.reject(new Error('not asked')))).toBeNull()
})
