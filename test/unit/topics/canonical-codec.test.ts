import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type CanonicalColumn, type CanonicalEntity, canonicalEntities, canonicalEntity } from '../../../topics/canonical.ts'
import {
  type CanonicalRecord,
  type CanonicalValue,
  createCanonicalDecoder,
  encodeCanonical,
  schemaIdOf,
} from '../../../topics/canonical-codec.ts'

const text = fc.string({ unit: 'grapheme' })
const time = fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_999 })

const VALUES: Readonly<Record<CanonicalColumn['kind'], fc.Arbitrary<CanonicalValue>>> = {
  text,
  uuid: fc.uuid(),
  boolean: fc.boolean(),
  int: fc.integer(),
  bigint: fc.maxSafeInteger(),
  double: fc.double({ noNaN: true }),
  date: fc.integer({ min: -719_162, max: 2_932_896 }),
  timestamp: time,
  json: fc.json(),
}

const recordsOf = ({ columns }: CanonicalEntity): fc.Arbitrary<CanonicalRecord> =>
  fc
    .tuple(
      fc.record({
        id: fc.uuid(),
        orgId: text,
        source: text,
        externalId: text,
        sourceUpdatedAt: fc.option(time),
        observedAt: time,
        mappingRevision: fc.nat(),
        deletedAt: fc.option(time),
        customFields: fc.dictionary(
          text.filter((name) => name !== '__proto__'),
          text,
        ),
      }),
      fc.record(Object.fromEntries(columns.map(({ field, kind }) => [field, fc.option(VALUES[kind])]))),
    )
    .map(([common, own]) => ({ ...common, ...own }))

const decoder = createCanonicalDecoder(async (id) => canonicalEntities[id - 1]?.schema)
const prepared = (id: number) => decoder.prepare([Buffer.from([0, 0, 0, 0, id])])

describe('encoding and decoding', () => {
  test.each(canonicalEntities.map((entity, index) => [entity.entity, entity, index + 1] as const))(
    'any record of %s comes back the same',
    async (name, entity, id) => {
      await prepared(id)
      fc.assert(
        fc.property(recordsOf(entity), (record) => {
          const message = encodeCanonical(name, id, record)
          expect(schemaIdOf(message)).toBe(id)
          const { customFields, ...decoded } = decoder.decode(name, message)
          expect({ ...decoded, customFields: { ...customFields } }).toEqual(record)
        }),
        { numRuns: 30 },
      )
    },
  )

  test('a record above the scratch buffer is encoded whole, and those after it too', async () => {
    const record = { ...tombstone('group'), description: 'x'.repeat(300_000) }
    const id = canonicalEntities.findIndex(({ entity }) => entity === 'group') + 1
    await prepared(id)
    for (const each of [record, tombstone('group'), record]) {
      expect({ ...decoder.decode('group', encodeCanonical('group', id, each)) }).toEqual(each)
    }
  })

  test('messages share no bytes with those made after them', () => {
    const first = encodeCanonical('campus', 1, tombstone('campus'))
    const copy = Buffer.from(first)
    encodeCanonical('campus', 2, { ...tombstone('campus'), name: 'another' })
    expect(first).toEqual(copy)
  })

  test('a value of another type names the field and not the value', () => {
    const record = { ...tombstone('campus'), name: 4_242 }
    expect(() => encodeCanonical('campus', 1, record)).toThrow(
      expect.objectContaining({ code: 'invalid-record', message: expect.stringMatching(/campus.*name$/) }),
    )
    expect(() => encodeCanonical('campus', 1, record)).toThrow(
      expect.objectContaining({ message: expect.not.stringContaining('4242') }),
    )
  })

  test('an integer beyond 2^53 is an invalid record', () => {
    expect(() => encodeCanonical('campus', 1, { ...tombstone('campus'), createdAt: 2 ** 60 })).toThrow(
      expect.objectContaining({ code: 'invalid-record' }),
    )
  })
})

const tombstone = (entity: string): CanonicalRecord => ({
  id: '00000000-0000-5000-8000-000000000000',
  orgId: 'acme',
  source: 'pco',
  externalId: '1',
  sourceUpdatedAt: null,
  observedAt: 1_700_000_000_000,
  mappingRevision: 1,
  deletedAt: 1_700_000_000_000,
  customFields: {},
  ...Object.fromEntries(canonicalEntity(entity).columns.map(({ field }) => [field, null])),
})

describe('poison', () => {
  const campusId = canonicalEntities.findIndex(({ entity }) => entity === 'campus') + 1
  const personId = canonicalEntities.findIndex(({ entity }) => entity === 'person') + 1
  const good = encodeCanonical('campus', campusId, tombstone('campus'))
  const changed = (change: (bytes: Buffer) => void): Buffer => {
    const bytes = Buffer.from(good)
    change(bytes)
    return bytes
  }

  test.each([
    ['no value', null],
    ['an empty value', Buffer.alloc(0)],
    ['a short value', good.subarray(0, 4)],
    ['a wrong magic byte', changed((bytes) => bytes.writeUInt8(1, 0))],
    ['an unknown schema id', changed((bytes) => bytes.writeUInt32BE(9_999, 1))],
    ['the schema of another entity', changed((bytes) => bytes.writeUInt32BE(personId, 1))],
    ['a truncated body', good.subarray(0, -1)],
    ['only the header', good.subarray(0, 5)],
    ['trailing bytes', Buffer.concat([good, Buffer.from([0])])],
    ['a length far beyond the end', changed((bytes) => bytes.fill(0xff, 5))],
  ])('%s is an invalid record', async (_, message) => {
    await decoder.prepare([good, message])
    await prepared(personId)
    expect(() => decoder.decode('campus', message)).toThrow(expect.objectContaining({ code: 'invalid-record' }))
    expect({ ...decoder.decode('campus', good) }).toEqual(tombstone('campus'))
  })

  test('that claims a map of billions of entries is an invalid record at once', () => {
    const message = { ...tombstone('campus'), customFields: { k: 'v' } }
    const bytes = encodeCanonical('campus', campusId, message)
    // The first byte that differs from a record without custom fields is the count of the map.
    const count = bytes.findIndex((byte, index) => byte !== good[index])
    const claims = Buffer.concat([bytes.subarray(0, count), Buffer.from('feffffffffff3f', 'hex'), bytes.subarray(count + 1)])
    expect(decoder.decode('campus', bytes).customFields).toEqual({ k: 'v' })
    expect(() => decoder.decode('campus', claims)).toThrow(expect.objectContaining({ code: 'invalid-record' }))
  })

  test('of any bytes is an invalid record or a record, and nothing else', async () => {
    await prepared(campusId)
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (body) => {
        const message = Buffer.concat([good.subarray(0, 5), body])
        try {
          expect(decoder.decode('campus', message)).toHaveProperty('orgId')
        } catch (error) {
          expect(error).toMatchObject({ code: 'invalid-record' })
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('asks for an unknown id once a batch, and for a known one never again', async () => {
    const asked: number[] = []
    const counting = createCanonicalDecoder(async (id) => {
      asked.push(id)
      return canonicalEntities[id - 1]?.schema
    })
    const unknown = changed((bytes) => bytes.writeUInt32BE(9_999, 1))
    await counting.prepare([good, unknown, good, unknown, null, Buffer.alloc(2)])
    await counting.prepare([good])
    expect(asked).toEqual([campusId, 9_999])
  })

  test('is what stands under an id that is no usable schema, and its neighbours are read', async () => {
    const odd = createCanonicalDecoder(async (id) => (id === 9_999 ? { type: 'nonsense' } : canonicalEntities[id - 1]?.schema))
    const nonsense = changed((bytes) => bytes.writeUInt32BE(9_999, 1))
    await odd.prepare([nonsense, good])
    expect(() => odd.decode('campus', nonsense)).toThrow(expect.objectContaining({ code: 'invalid-record' }))
    expect({ ...odd.decode('campus', good) }).toEqual(tombstone('campus'))
  })

  test('is not what a registry that is away makes of a record: preparing rejects', async () => {
    const away = createCanonicalDecoder(() => Promise.reject(new Error('away')))
    await expect(away.prepare([good])).rejects.toThrow('away')
  })
})
