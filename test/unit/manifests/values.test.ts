import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { cleanText, jsonText, parseDay, parseDecimal, parseId, parseInstant, parseInteger } from '../../../manifests/values.ts'

describe('times', () => {
  test('of the usual form are the milliseconds that Date gives, in all years', () => {
    fc.assert(
      fc.property(
        fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59Z'), noInvalidDate: true }),
        (date) => {
          const seconds = new Date(Math.floor(date.getTime() / 1000) * 1000)
          expect(parseInstant(seconds.toISOString().replace('.000', ''))).toBe(seconds.getTime())
          expect(parseInstant(date.toISOString())).toBe(date.getTime())
        },
      ),
    )
  })

  test.each([
    ['2024-02-29T12:00:00+02:00', '2024-02-29T10:00:00Z'],
    ['2024-02-29T12:00:00.5-0330', '2024-02-29T15:30:00.500Z'],
    ['2024-02-29 12:00:00.123456789Z', '2024-02-29T12:00:00.123Z'],
    ['2024-02-29T12:00Z', '2024-02-29T12:00:00Z'],
    ['2016-12-31T23:59:60Z', '2017-01-01T00:00:00Z'],
  ])('%s is %s', (text, same) => expect(parseInstant(text)).toBe(Date.parse(same)))

  test.each([
    '',
    'yesterday',
    '2024-02-30T00:00:00Z',
    '2023-02-29T00:00:00Z',
    '1900-02-29T00:00:00Z',
    '2024-13-01T00:00:00Z',
    '2024-00-01T00:00:00Z',
    '2024-01-00T00:00:00Z',
    '2024-01-01T24:00:00Z',
    '2024-01-01T00:60:00Z',
    '2024-01-01T00:00:61Z',
    '2024-01-01T00:00:00',
    '2024-01-01',
    '0000-01-01T00:00:00Z',
    '10000-01-01T00:00:00Z',
    '+010000-01-01T00:00:00Z',
    '9999-12-31T23:59:59-01:00',
    '0001-01-01T00:00:00+01:00',
    '2024-01-01T0a:00:00Z',
    '2024/01/01T00:00:00Z',
    '2024-01-01T00:00:00ZZ',
  ])('%j is none', (text) => expect(parseInstant(text)).toBeUndefined())
})

describe('days', () => {
  test.each([
    ['1970-01-01', 0],
    ['1969-12-31', -1],
    ['2000-03-01', 11_017],
    ['0001-01-01', -719_162],
    ['9999-12-31', 2_932_896],
    ['1885-05-06', Date.parse('1885-05-06') / 86_400_000],
  ])('%s is day %d', (text, day) => expect(parseDay(text)).toBe(day))

  test.each([
    '',
    '2024-02-30',
    '2024-04-31',
    '2024-06-31',
    '2024-09-31',
    '2024-11-31',
    '0000-01-01',
    '10000-01-01',
    '24-01-01',
    '2024-1-1',
    '2024-01-01T00:00:00Z',
    '2024-01-0x',
    ' 2024-01-01',
  ])('%j is none', (text) => expect(parseDay(text)).toBeUndefined())
})

describe('text', () => {
  test('that PostgreSQL can hold stays the same', () => {
    const holdable = fc.string({ unit: 'binary' }).filter((text) => !text.includes('\0'))
    fc.assert(
      fc.property(holdable, (text) => {
        expect(cleanText(text)).toBe(text)
      }),
    )
  })

  test('has U+FFFD in place of U+0000 and of lone surrogates, and keeps pairs', () => {
    expect(cleanText('a\u0000b\ud800c\udc00d😀')).toBe('a\ufffdb\ufffdc\ufffdd😀')
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (units) => {
        const cleaned = cleanText(String.fromCharCode(...units))
        expect(Buffer.from(cleaned, 'utf8').toString('utf8')).toBe(cleaned)
        expect(cleaned).not.toContain('\0')
      }),
    )
  })
})

describe('JSON text', () => {
  test('holds nothing that jsonb refuses, in keys and values, and keeps a written backslash', () => {
    expect(jsonText({ 'a\u0000': ['\ud800', '\\u0000', '😀'] })).toBe('{"a\ufffd":["\ufffd","\\\\u0000","😀"]}')
  })

  test('is the value, when nothing had to be replaced', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        fc.pre(!/\\u(?:0000|d[89a-f])/.test(JSON.stringify(value)))
        expect(JSON.parse(jsonText(value))).toEqual(JSON.parse(JSON.stringify(value)))
      }),
    )
  })
})

describe('numbers and ids', () => {
  test('an integer is a number or its text, within 32 bits', () => {
    expect([7, '7', '-1', 0, 2_147_483_647].map(parseInteger)).toEqual([7, 7, -1, 0, 2_147_483_647])
    expect([7.5, '7.0', '', ' 7', '0x10', 2_147_483_648, '9999999999', Number.NaN, true, null].map(parseInteger)).toEqual(
      Array(10).fill(undefined),
    )
  })

  test('a decimal is a finite number or its text', () => {
    expect([1.5, '1.5', '-.5', '3', '1e3', '33.44556677889900'].map(parseDecimal)).toEqual([
      1.5, 1.5, -0.5, 3, 1000, 33.445566778899,
    ])
    expect(['', 'NaN', 'Infinity', '1,5', Number.POSITIVE_INFINITY, Number.NaN, '1e999', false, {}].map(parseDecimal)).toEqual(
      Array(9).fill(undefined),
    )
  })

  test('an id is text without blanks around it, or a whole number', () => {
    expect(['7', 'a-b', 7, 'Zoë'].map(parseId)).toEqual(['7', 'a-b', '7', 'Zoë'])
    expect(['', ' ', '7 ', 'a\0', '\udc00', 7.5, null, {}].map(parseId)).toEqual(Array(8).fill(undefined))
  })
})
