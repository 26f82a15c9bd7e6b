// A letter says in its headers all that its register and its replay need, and keeps its bytes as long as a message can hold them.
import { describe, expect, test } from 'vitest'
import {
  type DeadLetter,
  deadLetterMessage,
  decodeDeadLetter,
  decodePlace,
  encodeDeadLetter,
  encodePlace,
  sha256Of,
} from '../../../topics/dead-letters.ts'

const bare: DeadLetter = {
  orgId: 'acme',
  source: 'pco',
  entity: 'person',
  externalId: null,
  stage: 'process',
  code: 'mapping',
  reason: 'a fault',
  origin: undefined,
}

const full: DeadLetter = {
  ...bare,
  externalId: '7',
  origin: { runId: '0198c0de-0000-7000-8000-000000000001', rangeId: 1, page: 2, attempt: 3, index: 4, count: 5 },
  observedAt: 1_700_000_000_000,
  traceparent: '00-a-b-01',
  request: '/people?per_page=1',
  cut: { readBytes: 10, sha256: 'ab', fullBytes: null },
  replays: { topic: 'x-1.sync.dead-letters', partition: 2, offset: 9_007_199_254_740_993n },
}

test.each([bare, full])('what is written into headers is read from them', (letter) => {
  expect(decodeDeadLetter(encodeDeadLetter(letter))).toEqual({ ...letter })
})

test.each([undefined, '', 'topic/1', 'topic/x/1', '/1/2', 'topic/1/-2'])('%j is no place of a letter', (header) => {
  expect(decodePlace(header)).toBeUndefined()
})

test('a topic with slashes in its prefix is still a place', () => {
  const place = { topic: 'a/b.sync.dead-letters', partition: 0, offset: 3n }
  expect(decodePlace(encodePlace(place))).toEqual(place)
})

describe('bytes', () => {
  test('of a record that a page could hold are kept whole', () => {
    const bytes = Buffer.alloc(4 * 1024 * 1024, 'x')
    expect(deadLetterMessage(bare, bytes).value).toBe(bytes)
  })

  test('that no message holds are cut, and the letter says how many there were and what their hash is', () => {
    const bytes = Buffer.alloc(8 * 1024 * 1024, 'x')
    const { value, headers } = deadLetterMessage(bare, bytes)
    expect(value?.equals(bytes.subarray(0, 64 * 1024))).toBe(true)
    const cut = { readBytes: bytes.length, sha256: sha256Of(bytes), fullBytes: bytes.length }
    expect(decodeDeadLetter({ ...headers })).toMatchObject({ cut })
  })
})
