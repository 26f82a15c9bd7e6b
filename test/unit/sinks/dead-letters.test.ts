import { expect, test } from 'vitest'
import { registrable } from '../../../sinks/dead-letters.ts'
import { type DeadLetter, decodePlace, REPLAY_HEADER } from '../../../topics/dead-letters.ts'

const letter: DeadLetter = {
  orgId: 'acme',
  source: 'pco',
  entity: 'person',
  externalId: '1',
  stage: 'process',
  code: 'mapping',
  reason: 'name must be text',
  origin: undefined,
}
const place = { topic: 'sync.dead-letters', partition: 0, offset: 7n }

test('a letter of ours is registered as it is, with its place and size', () => {
  expect(registrable(letter, place, 12)).toEqual({ ...letter, ...place, bytes: 12 })
  const cut = { readBytes: 5, sha256: '', fullBytes: 9 }
  expect(registrable({ ...letter, cut }, place, 4).bytes).toBe(9)
})

test('a letter whose headers its register could not hold is registered all the same: cut, and without NUL', () => {
  const hostile = { ...letter, orgId: 'x'.repeat(5_000), entity: 'a\0b', externalId: '\0', reason: 'r\ud800' }
  const cut = { readBytes: 5, sha256: '', fullBytes: 2 ** 40 }
  const row = registrable({ ...hostile, cut }, place, 4)
  expect(row).toMatchObject({ entity: 'a\ufffdb', externalId: '\ufffd', reason: 'r\ufffd', bytes: 2 ** 31 - 1 })
  expect(row.orgId).toHaveLength(500)
})

test('a place that no topic has is none', () => {
  expect(decodePlace('a\0b/0/1'), REPLAY_HEADER).toBeUndefined()
  expect(decodePlace('prefix.sync.dead-letters/0/1')).toBeDefined()
})
