import fc from 'fast-check'
import { expect, test } from 'vitest'
import { jsonTextOf } from '../../../platform/json-bytes.ts'

const outcome = (parse: () => unknown): unknown => {
  try {
    return { value: parse() }
  } catch (error) {
    return error instanceof SyntaxError ? 'syntax error' : error
  }
}

const same = (bytes: Buffer): void => {
  expect(outcome(() => JSON.parse(jsonTextOf(bytes)))).toEqual(outcome(() => JSON.parse(bytes.toString())))
}

test('any value comes back as it was, whatever its letters', () => {
  const text = fc.string({ unit: 'binary' })
  const value = fc.oneof(
    fc.json({ stringUnit: 'binary' }),
    fc.dictionary(text, text).map((of) => JSON.stringify(of)),
  )
  fc.assert(
    fc.property(value, (json) => same(Buffer.from(json))),
    { numRuns: 2_000 },
  )
})

test('bytes that are not JSON or not UTF-8 end as they do when decoded first', () => {
  const bytes = fc.uint8Array({ maxLength: 40 })
  fc.assert(
    fc.property(bytes, bytes, (before, after) =>
      same(Buffer.concat([Buffer.from('["'), before, Buffer.from('é'), after, Buffer.from('"]')])),
    ),
    { numRuns: 5_000 },
  )
})

test.each([
  ['an overlong sequence', [0xc0, 0xaf]],
  ['an overlong sequence of three bytes', [0xe0, 0x80, 0xaf]],
  ['half of a surrogate pair', [0xed, 0xa0, 0x80]],
  ['a character above the last', [0xf4, 0x90, 0x80, 0x80]],
  ['a character that is cut off', [0xe2, 0x82]],
  ['a byte order mark', [0xef, 0xbb, 0xbf]],
  ['the last character', [0xf4, 0x8f, 0xbf, 0xbf]],
])('%s within a text is read as a decoder of UTF-8 reads it', (_, inner) => {
  same(Buffer.concat([Buffer.from('{"a":"'), Buffer.from(inner), Buffer.from('"}')]))
})

test('a letter outside a text is no JSON', () => {
  same(Buffer.from('é'))
  same(Buffer.from('\ufeff{}'))
})

test('a page in a script of three bytes a letter is read as well, and a piece of a larger memory', () => {
  const page = Buffer.from(JSON.stringify({ a: '漢字'.repeat(50_000), b: '😀'.repeat(10), c: ['x'.repeat(2_000_000)] }))
  same(page)
  const within = Buffer.concat([Buffer.from('xyz'), page, Buffer.from('é')])
  same(within.subarray(3, 3 + page.length))
})
