import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { createRecordEncoder } from '../../../sinks/postgres/copy.ts'
import { CopyBuffer } from '../../../sinks/postgres/copy-buffer.ts'
import { layoutByEntity } from '../../../sinks/postgres/layout.ts'
import { cleanJson, isHeldByJsonb, jsonObject } from '../../../sinks/postgres/text.ts'
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
const ignore = () => undefined

/** The value of the only field that `write` writes. */
const fieldOf = (write: (out: CopyBuffer) => void): Buffer => {
  const out = new CopyBuffer()
  write(out)
  const bytes = out.view()
  expect(bytes.readInt32BE(0)).toBe(bytes.length - 4)
  return bytes.subarray(4)
}

describe('text', () => {
  test('that PostgreSQL can hold is written as it is, short or long', () => {
    for (const unit of ['grapheme', 'grapheme-ascii'] as const)
      fc.assert(
        fc.property(fc.string({ unit, maxLength: 100 }), (any) => {
          const { onReplaced, replaced } = counting()
          const text = any.replaceAll('\0', '')
          expect(fieldOf((out) => out.text(text, onReplaced)).toString()).toBe(text)
          expect(replaced()).toBe(0)
        }),
      )
  })

  test('never holds NUL or half of a surrogate pair, and each is counted', () => {
    const { onReplaced, replaced } = counting()
    const written = fieldOf((out) => out.text('a\0\ud83d\ude00\ud83db\ude00', onReplaced))
    expect(written.toString()).toBe('a\ufffd\ud83d\ude00\ufffdb\ufffd')
    expect(replaced()).toBe(3)
    fc.assert(
      fc.property(fc.uint16Array({ maxLength: 60 }), (units) => {
        const bytes = fieldOf((out) => out.text(String.fromCharCode(...units), onReplaced))
        expect(Buffer.from(bytes.toString()).equals(bytes)).toBe(true)
        expect(bytes.includes(0)).toBe(false)
      }),
    )
  })
})

describe('JSON', () => {
  test('escapes of NUL and of half a pair are replaced, whole pairs and escaped backslashes are not', () => {
    const { onReplaced, replaced } = counting()
    const json = '"\\u0000 \\\\u0000 \\ud83d\\ude00 \\ud83d \\ude00 \\n \0"'
    expect(cleanJson(json, onReplaced)).toBe('"\ufffd \\\\u0000 \\ud83d\\ude00 \ufffd \ufffd \\n \ufffd"')
    expect(replaced()).toBe(4)
  })

  test('any value stays what it is', () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: 'grapheme' }), (json) => {
        const whole = json.replaceAll('\\u0000', '')
        expect(JSON.parse(cleanJson(whole, ignore))).toEqual(JSON.parse(whole))
        expect(fieldOf((out) => out.json(whole)).toString()).toBe(`\u0001${whole}`)
      }),
    )
  })

  test('that jsonb cannot hold is told: what is none, too deep, or has numbers beyond numeric', () => {
    const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
    for (const json of ['1', '"e99999"', `"${'9'.repeat(20_000)}"`, '[1e-308, 1E+308]', nested(1_000), `"${'['.repeat(5_000)}"`])
      expect(isHeldByJsonb(json), json.slice(0, 20)).toBe(true)
    for (const json of ['', '{', "{'a':1}", '[1,]', '1e99999', '[0.1E-99999]', '9'.repeat(10_000), nested(1_001)])
      expect(isHeldByJsonb(json), json.slice(0, 20)).toBe(false)
    fc.assert(fc.property(fc.json(), (json) => isHeldByJsonb(json)))
  })

  test('maps that are equal give equal text', () => {
    expect(jsonObject({ b: '1', a: '"x"' })).toBe('{"a":"x","b":1}')
    expect(jsonObject({ a: '"x"', b: '1' })).toBe('{"a":"x","b":1}')
    expect(jsonObject({})).toBe('{}')
  })
})

describe('other fields', () => {
  test('are as PostgreSQL receives them', () => {
    expect(fieldOf((out) => out.boolean(true))).toEqual(Buffer.from([1]))
    expect(fieldOf((out) => out.int(-2)).readInt32BE()).toBe(-2)
    expect(fieldOf((out) => out.double(0.1)).readDoubleBE()).toBe(0.1)
    expect(fieldOf((out) => out.date(10_957)).readInt32BE()).toBe(0)
    expect(fieldOf((out) => out.timestamp(Date.UTC(2000, 0, 1) + 1)).readBigInt64BE()).toBe(1_000n)
    expect(fieldOf((out) => out.uuid('6f4df1cf-4aaa-5e6b-9d0c-0f6ad3c0a111')).toString('hex')).toBe(
      '6f4df1cf4aaa5e6b9d0c0f6ad3c0a111',
    )
  })

  test('of 64 bits hold every whole number of ours, negative ones too', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), (n) => {
        expect(fieldOf((out) => out.bigint(n)).readBigInt64BE()).toBe(BigInt(n))
      }),
    )
  })

  test('of the wrong form are refused', () => {
    for (const id of ['', 'x', '6f4df1cf-4aaa-5e6b-9d0c-0f6ad3c0a11', '6f4df1cf-4aaa-5e6b-9d0c-0f6ad3c0a11g'])
      expect(() => new CopyBuffer().uuid(id)).toThrow(RangeError)
    expect(() => new CopyBuffer().timestamp(9e15)).toThrow(RangeError)
    // The end of year 9999, which sources use for 'never': beyond 53 bits of microseconds.
    expect(fieldOf((out) => out.timestamp(Date.UTC(9999, 11, 31))).readBigInt64BE()).toBe(252_455_529_600_000_000n)
    expect(() => new CopyBuffer().int(2 ** 31)).toThrow(RangeError)
    // Day 0 of Julian's count and the day before it; the last day of date, and one later.
    const [first, last] = [10_957 - 2_451_545, 10_957 + 2_145_031_948]
    for (const day of [first, last]) expect(fieldOf((out) => out.date(day)).readInt32BE()).toBe(day - 10_957)
    for (const day of [first - 1, last + 1, Number.NaN, 0.5]) expect(() => new CopyBuffer().date(day)).toThrow(RangeError)
    expect(fieldOf((out) => out.timestamp(first * 86_400_000)).readBigInt64BE()).toBe(-211_813_488_000_000_000n)
    expect(() => new CopyBuffer().timestamp(first * 86_400_000 - 1)).toThrow(RangeError)
  })

  test('take a larger slab when they need it, and what was taken before stays as it was', () => {
    const out = new CopyBuffer(64)
    const texts = ['a', 'ä'.repeat(30), 'b'.repeat(60), 'ä'.repeat(300_000), 'c']
    const pieces = texts.map((text) => {
      out.int(0)
      out.drop()
      out.text(text, ignore)
      return out.take()
    })
    expect(pieces.map(({ slab, start, end }) => slab.toString('utf8', start + 4, end))).toEqual(texts)
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
    const { slab, start, end } = encode(record({ name: 'a' })).row
    const row = slab.subarray(start, end)
    let fields = 0
    for (let at = 0; at < row.length; fields++) at += 4 + Math.max(0, row.readInt32BE(at))
    expect(fields).toBe(layoutByEntity.get('campus')?.record.length)
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

  test('with a value that its column cannot hold is refused, naming the field and not the value', () => {
    expect(() => encode(record({ createdAt: 8_723_456_789_012_345 }))).toThrow(
      /^createdAt has a value that its column cannot hold$/,
    )
    expect(() => encode(record({ customFields: { a: '{' } }))).toThrow(/^customFields has a value that its column cannot hold$/)
    expect(() => encode(record({ externalId: 'ä'.repeat(1_001) }))).toThrow(/^externalId is longer than an index/)
    expect(() => encode(record({ orgId: 'x'.repeat(2_001) }))).toThrow(/^orgId is longer than an index/)
  })

  test('does not confuse a value with its neighbour, nor null with text', () => {
    const [a = '', b = ''] = campus.columns.filter(({ kind }) => kind === 'text').map(({ field }) => field)
    expect(hashOf({ [a]: 'x' })).not.toBe(hashOf({ [b]: 'x' }))
    expect(hashOf({ [a]: '' })).not.toBe(hashOf({ [a]: null }))
  })
})
