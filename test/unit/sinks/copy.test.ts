import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRecordEncoder } from '../../../sinks/postgres/copy.ts'
import { layoutByEntity } from '../../../sinks/postgres/layout.ts'
import { copyJson, copyText, jsonObject } from '../../../sinks/postgres/text.ts'
import { dateText, timestampText } from '../../../sinks/postgres/times.ts'
import { canonicalEntity } from '../../../topics/canonical.ts'
import type { CanonicalRecord } from '../../../topics/canonical-codec.ts'

const counting = () => {
  let replaced = 0
  return {
    onReplaced: (n: number) => {
      replaced += n
    },
    replaced: () => replaced,
  }
}

/** What PostgreSQL makes of a field of COPY text. */
const read = (field: string): string =>
  field.replace(/\\(.)/g, (_, c: string) => ({ n: '\n', r: '\r', t: '\t', '\\': '\\' })[c] ?? c)

describe('text', () => {
  test('that PostgreSQL can hold comes back as it was, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (text) => {
        const { onReplaced, replaced } = counting()
        const field = copyText(text.replaceAll('\0', ''), onReplaced)
        expect(read(field)).toBe(text.replaceAll('\0', ''))
        expect(field).not.toMatch(/[\n\r\t]/)
        expect(replaced()).toBe(0)
      }),
    )
  })

  test('never holds NUL or half of a surrogate pair, and each is counted', () => {
    const { onReplaced, replaced } = counting()
    expect(copyText('a\0\ud83d\ude00\ud83db\ude00', onReplaced)).toBe('a\ufffd\ud83d\ude00\ufffdb\ufffd')
    expect(replaced()).toBe(3)
    fc.assert(
      fc.property(fc.uint16Array({ maxLength: 20 }), (units) => {
        const field = copyText(String.fromCharCode(...units), onReplaced)
        expect(Buffer.from(field).toString()).toBe(field)
        expect(field).not.toContain('\0')
      }),
    )
  })
})

describe('JSON', () => {
  test('escapes of NUL and of half a pair are replaced, whole pairs and escaped backslashes are not', () => {
    const { onReplaced, replaced } = counting()
    const json = '"\\u0000 \\\\u0000 \\ud83d\\ude00 \\ud83d \\ude00 \\n"'
    expect(JSON.parse(read(copyJson(json, onReplaced)))).toBe('\ufffd \\u0000 \ud83d\ude00 \ufffd \ufffd \n')
    expect(replaced()).toBe(3)
  })

  test('any value comes back equal', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'grapheme' }), (json) => {
        const whole = json.replaceAll('\\u0000', '')
        expect(JSON.parse(read(copyJson(whole, () => undefined)))).toEqual(JSON.parse(whole))
      }),
    )
  })

  test('maps that are equal give equal text', () => {
    expect(jsonObject({ b: '1', a: '"x"' })).toBe('{"a":"x","b":1}')
    expect(jsonObject({ a: '"x"', b: '1' })).toBe('{"a":"x","b":1}')
    expect(jsonObject({})).toBe('{}')
  })
})

describe('times', () => {
  test('are spelled as ISO does, within the years that ISO spells plainly', () => {
    const plainYears = { min: Date.parse('0001-01-01'), max: Date.parse('9999-12-31T23:59:59.999Z') }
    fc.assert(
      fc.property(fc.integer(plainYears), (ms) => {
        expect(timestampText(ms)).toBe(new Date(ms).toISOString().replace('T', ' ').replace('Z', '+00'))
      }),
    )
  })

  test('before our era and beyond the year 9999 are spelled as PostgreSQL does', () => {
    expect(dateText(Date.parse('0000-12-31') / 86_400_000)).toBe('0001-12-31 BC')
    expect(timestampText(Date.parse('-000043-03-15T12:00:00Z'))).toBe('0044-03-15 12:00:00.000+00 BC')
    expect(dateText(Date.parse('+020225-01-02') / 86_400_000)).toBe('20225-01-02')
  })

  test('that no calendar has are refused', () => {
    expect(() => dateText(1e9)).toThrow(RangeError)
    expect(() => timestampText(9e15)).toThrow(RangeError)
    expect(() => dateText(Number.NaN)).toThrow(RangeError)
  })
})

describe('a record', () => {
  const campus = canonicalEntity('campus')
  const blank = Object.fromEntries(campus.columns.map(({ field }) => [field, null]))
  const record = (parts: Partial<CanonicalRecord>): CanonicalRecord => ({
    ...blank,
    id: '6f4df1cf-4aaa-5e6b-9d0c-0f6ad3c0a111',
    orgId: 'acme',
    source: 'pco',
    externalId: '1',
    sourceUpdatedAt: 1,
    observedAt: 2,
    mappingRevision: 3,
    deletedAt: null,
    customFields: {},
    ...parts,
  })
  const encode = createRecordEncoder(campus, () => undefined)
  const hashOf = (parts: Partial<CanonicalRecord>) => encode(record(parts)).contentHash

  test('has a field for each column of the layout', () => {
    const { line } = encode(record({ name: 'a\tb' }))
    expect(line.split('\t')).toHaveLength(layoutByEntity.get('campus')?.record.length ?? 0)
  })

  test('has the same hash when only our observation of it differs', () => {
    expect(hashOf({ observedAt: 9, mappingRevision: 9 })).toBe(hashOf({}))
  })

  test('has another hash when anything differs that the source says', () => {
    const variants = [
      {},
      { name: 'x' },
      { sourceUpdatedAt: 2 },
      { sourceUpdatedAt: null },
      { deletedAt: 5 },
      { customFields: { a: '1' } },
    ]
    expect(new Set(variants.map(hashOf)).size).toBe(variants.length)
  })

  test('does not confuse a value with its neighbour, nor null with text', () => {
    const [a = '', b = ''] = campus.columns.filter(({ kind }) => kind === 'text').map(({ field }) => field)
    expect(hashOf({ [a]: 'x' })).not.toBe(hashOf({ [b]: 'x' }))
    expect(hashOf({ [a]: '\\N' })).not.toBe(hashOf({ [a]: null }))
  })
})
