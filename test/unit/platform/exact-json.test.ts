import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseExactJson, printExactJson } from '../../../platform/exact-json.ts'

describe('JSON read exactly', () => {
  test.each([
    ['9007199254740993', 9_007_199_254_740_993n],
    ['-9007199254740993', -9_007_199_254_740_993n],
    ['9007199254740991', 9_007_199_254_740_991],
    ['[1, {"a": 12345678901234567890}, "12345678901234567890"]', [1, { a: 12_345_678_901_234_567_890n }, '12345678901234567890']],
    ['{"a":{},"b":[],"c":[[]],"d":12345678901234567890}', { a: {}, b: [], c: [[]], d: 12_345_678_901_234_567_890n }],
    ['{"n":1234567890123456.5,"e":1e30}', { n: 1_234_567_890_123_456.5, e: 1e30 }],
    ['{"a,\\"{[:":[12345678901234567890]}', { 'a,"{[:': [12_345_678_901_234_567_890n] }],
    ['{"a":12345678901234567890,"a":1}', { a: 1 }],
    ['{"a":{"b":12345678901234567890},"a":7}', { a: 7 }],
    ['{"a":[12345678901234567890],"a":{"0":5}}', { a: { 0: 5 } }],
  ])('%s', (text, value) => expect(parseExactJson(text)).toEqual(value))

  test('but for its rounding is what JSON.parse reads, and throws what it throws', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        const rounded = JSON.stringify(parseExactJson(text), (_, value) => (typeof value === 'bigint' ? Number(value) : value))
        expect(rounded).toEqual(JSON.stringify(JSON.parse(text)))
      }),
    )
    expect(() => parseExactJson('{"a":12345678901234567890')).toThrow(SyntaxError)
  })

  test('is printed as it was, integers of any length included, wherever they stand', () => {
    const { tree } = fc.letrec((tie) => ({
      tree: fc.oneof(
        { depthSize: 'small' },
        fc.bigInt().map((n) => (n >= Number.MIN_SAFE_INTEGER && n <= Number.MAX_SAFE_INTEGER ? Number(n) : n)),
        fc.string(),
        fc.constantFrom(null, true, 0.5),
        fc.array(tie('tree'), { maxLength: 4 }),
        fc.dictionary(fc.string(), tie('tree'), { maxKeys: 4 }),
      ),
    }))
    fc.assert(
      fc.property(tree, (value) => {
        expect(parseExactJson(printExactJson(value))).toEqual(value)
      }),
    )
  })
})
