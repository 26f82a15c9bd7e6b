// Bodies in memory: each within its limit, all together within theirs, and room is given back whatever happens.
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { createBodies } from '../../../../producers/webhooks/bodies.ts'

const sent = (bytes: number, headers: Record<string, string> = {}) =>
  Object.assign(Readable.from(bytes === 0 ? [] : [Buffer.alloc(bytes)]), { headers })
const announced = (bytes: number) => sent(bytes, { 'content-length': String(bytes) })

test('one above its limit is refused, whether it was announced or not', async () => {
  const take = createBodies({ maxBytes: 10, maxInHand: 100 })
  expect([await take(announced(11)), await take(sent(11))]).toEqual(['too-large', 'too-large'])
  expect(await take(sent(10))).toMatchObject({ body: Buffer.alloc(10) })
})

test.each([
  ['announced', announced],
  ['not announced', sent],
])('together they have no more in hand than is meant for them: %s', async (_, of) => {
  const take = createBodies({ maxBytes: 10, maxInHand: 20 })
  const first = await take(of(10))
  await take(of(10))
  expect(await take(of(1))).toBe('unavailable')
  if (typeof first === 'string') throw new Error(first)
  first.release()
  first.release()
  expect(await take(of(10))).toMatchObject({ body: Buffer.alloc(10) })
  expect(await take(of(1))).toBe('unavailable')
})

test('what is announced takes its room before it has come, and one that breaks off gives it back', async () => {
  const take = createBodies({ maxBytes: 10, maxInHand: 10 })
  const slow = Object.assign(new Readable({ read: () => undefined }), { headers: { 'content-length': '10' } })
  const taking = take(slow)
  expect(await take(announced(1))).toBe('unavailable')
  slow.destroy(new Error('broken off'))
  await expect(taking).rejects.toThrow('broken off')
  expect(await take(announced(10))).toMatchObject({ body: Buffer.alloc(10) })
})
