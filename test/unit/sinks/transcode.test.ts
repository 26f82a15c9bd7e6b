import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRecordEncoder, type EncodedRecord } from '../../../sinks/postgres/copy.ts'
import { createTranscoder } from '../../../sinks/postgres/transcode.ts'
import { type CanonicalEntity, type CanonicalField, canonicalEntities, canonicalEntity } from '../../../topics/canonical.ts'
import { type CanonicalRecord, createCanonicalDecoder, encodeCanonical } from '../../../topics/canonical-codec.ts'

const SCHEMA_ID = 7

const decoder = createCanonicalDecoder(async () => undefined)
const decoderOf = async (entity: CanonicalEntity) => {
  const known = createCanonicalDecoder(async () => entity.schema)
  await known.prepare([Buffer.from([0, 0, 0, 0, SCHEMA_ID])])
  return known
}

const text = (): fc.Arbitrary<string> =>
  fc.oneof(
    { arbitrary: fc.string({ maxLength: 80 }), weight: 60 },
    { arbitrary: fc.string({ unit: 'grapheme', maxLength: 30 }).map((any) => any.replaceAll('\0', '')), weight: 60 },
    fc.string({ unit: 'binary', maxLength: 30 }),
    fc.constantFrom('', 'a\0b', '\ud800', 'x'.repeat(300), 'Zoë '.repeat(60), '{"a":"\\u0000"}', '\\u00e9'),
  )

const VALUES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  string: text(),
  boolean: fc.boolean(),
  int: fc.integer(),
  long: fc.maxSafeInteger(),
  double: fc.double({ noNaN: true }),
  map: fc.oneof(
    fc.constant({}),
    fc.constant({}),
    fc.dictionary(
      fc.string({ maxLength: 8 }).filter((key) => key !== '__proto__'),
      fc.json(),
      { maxKeys: 3 },
    ),
  ),
  uuid: fc.uuid(),
  date: fc.integer({ min: -700_000, max: 2_900_000 }),
  'timestamp-millis': fc.integer({ min: -62_135_596_800_000, max: 253_402_300_799_000 }),
}

const anyOf = ({ type }: CanonicalField): fc.Arbitrary<unknown> => {
  const inner = Array.isArray(type) ? type[1] : type
  const name = typeof inner === 'string' ? inner : 'logicalType' in inner ? inner.logicalType : inner.type
  const value = VALUES[name] ?? fc.constant(null)
  return Array.isArray(type) ? fc.option(value) : value
}

const recordOf = ({ schema }: CanonicalEntity): fc.Arbitrary<CanonicalRecord> =>
  // Made from the schema, field by field.
  fc.record(Object.fromEntries(schema.fields.map((field) => [field.name, anyOf(field)]))) as fc.Arbitrary<CanonicalRecord>

const comparable = ({ row, ...rest }: EncodedRecord) => ({ ...rest, row: row.slab.toString('hex', row.start, row.end) })

test('the short way gives the same row as the way through the record, or leaves it to that one', async () => {
  let short = 0
  let all = 0
  for (const entity of canonicalEntities) {
    const [transcode, encode] = [createTranscoder(entity), createRecordEncoder(entity, () => undefined)]
    const { decode, isOurs } = await decoderOf(entity)
    fc.assert(
      fc.property(recordOf(entity), (record) => {
        const message = encodeCanonical(entity.entity, SCHEMA_ID, record)
        expect(isOurs(entity.entity, message)).toBe(true)
        const transcoded = transcode(message)
        all++
        if (transcoded === undefined) return
        short++
        expect(comparable(transcoded)).toEqual(comparable(encode(decode(entity.entity, message))))
      }),
      { numRuns: 150 },
    )
  }
  expect(short / all).toBeGreaterThan(0.2)
})

const person = canonicalEntity('person')
const plain = (over: Readonly<Record<string, unknown>> = {}): Buffer => {
  const empty = Object.fromEntries(person.schema.fields.map(({ name }) => [name, null]))
  const common = { id: '0190b9ab-0000-5000-8000-000000000001', orgId: 'acme', source: 'pco', externalId: '1' }
  return encodeCanonical('person', SCHEMA_ID, {
    ...empty,
    ...common,
    observedAt: 1,
    mappingRevision: 1,
    customFields: {},
    ...over,
  } as CanonicalRecord)
}

test('what is usual goes the short way, what PostgreSQL could not hold does not', () => {
  const transcode = createTranscoder(person)
  for (const name of [null, 'Ann', 'Zoë', '名前'.repeat(40)]) expect(transcode(plain({ name }))).toBeDefined()
  const broken = [{ name: 'a\0' }, { name: `${'x'.repeat(100)}\0` }, { directorySharedInfo: '"\\u0000"' }]
  const beyond = [
    { directorySharedInfo: '' },
    { directorySharedInfo: '{' },
    { externalId: 'x'.repeat(2_001) },
    { birthdate: -9e6 },
  ]
  for (const over of [...broken, ...beyond]) expect(transcode(plain(over)), JSON.stringify(over)).toBeUndefined()
})

test('a message that is cut short, too long, or broken anywhere never throws and never reads beyond itself', () => {
  const transcode = createTranscoder(person)
  const message = plain({ name: 'Ann', birthdate: 1, createdAt: 5 })
  for (let end = 0; end < message.length; end++) expect(transcode(message.subarray(0, end))).toBeUndefined()
  expect(transcode(Buffer.concat([message, Buffer.from([0])]))).toBeUndefined()
  fc.assert(
    fc.property(fc.nat(message.length - 1), fc.nat(255), (at, byte) => {
      const broken = Buffer.from(message)
      broken[at] = byte
      transcode(broken)
    }),
  )
})

test('bytes that are not UTF-8 are left to the way through the record', () => {
  const message = plain({ name: 'Ann' })
  const at = message.indexOf('Ann')
  message[at] = 0xff
  expect(createTranscoder(person)(message)).toBeUndefined()
})

test('a message of another schema is not taken for ours', async () => {
  const older = {
    ...person.schema,
    fields: person.schema.fields.filter(({ name }) => name !== 'createdAt'),
  }
  const known = createCanonicalDecoder(async () => older)
  await known.prepare([plain()])
  expect(known.isOurs('person', plain())).toBe(false)
  expect(decoder.isOurs('person', plain())).toBe(false)
})
