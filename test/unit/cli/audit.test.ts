// The arguments of `syncline audit`.
import { InvalidArgumentError } from 'commander'
import { expect, test } from 'vitest'
import { parseHead } from '../../../cli/audit.ts'
import { parseSince } from '../../../cli/since.ts'

const NOW = Date.UTC(2026, 10, 23, 12)
const HASH = 'ab'.repeat(32)

test.each([
  ['90m', '2026-11-23T10:30:00.000Z'],
  ['36h', '2026-11-22T00:00:00.000Z'],
  ['7d', '2026-11-16T12:00:00.000Z'],
  ['2026-11-20', '2026-11-20T00:00:00.000Z'],
  ['2026-11-20T08:00+02:00', '2026-11-20T06:00:00.000Z'],
])('--since %s is %s', (text, moment) => {
  expect(parseSince(text, NOW).toISOString()).toBe(moment)
})

test.each([
  '',
  'yesterday',
  '2026-11-24',
  '2026-11-23T12:00:01Z',
  '7',
  '7y',
  '-1d',
  '2026-11-31T25:00Z',
  '2026-11-20T08:00',
  '1',
  'Nov 20',
])('--since %s is refused', (text) => {
  expect(() => parseSince(text, NOW)).toThrow(InvalidArgumentError)
})

test('a head is read as it is printed', () => {
  expect(parseHead(`128:${HASH}`)).toEqual({ seq: 128, hash: HASH })
  expect(parseHead(`128:${HASH.toUpperCase()}`)).toEqual({ seq: 128, hash: HASH })
})

test.each([`0:${HASH}`, `-1:${HASH}`, `${HASH}`, `1:${HASH.slice(1)}`, `1:${HASH}0`, `1 ${HASH}`, ''])(
  '%s is no head',
  (text) => {
    expect(() => parseHead(text)).toThrow(InvalidArgumentError)
  },
)
