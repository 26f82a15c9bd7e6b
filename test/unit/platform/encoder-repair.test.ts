import { createRequire } from 'node:module'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { repairEncoder } from '../../../platform/kafka/encoder-repair.ts'

const require = createRequire(import.meta.url)
const Encoder = require('kafkajs/src/protocol/encoder.js')
const createRecord = require('kafkajs/src/protocol/recordBatch/record/v0/index.js')

const recordBytes = (record: object): string => createRecord(record).buffer.toString('hex')

test('the repaired encoder writes the same bytes as the original', () => {
  const records = fc.sample(
    fc.record({
      offsetDelta: fc.nat(2_000_000),
      timestampDelta: fc.oneof(fc.nat(1_000), fc.nat()),
      key: fc.string({ maxLength: 60 }),
      value: fc.oneof(
        fc.constant(null),
        fc.uint8Array({ maxLength: 3_000 }).map((bytes) => Buffer.from(bytes)),
      ),
      headers: fc.dictionary(fc.string({ maxLength: 12 }), fc.string({ maxLength: 80 }), { maxKeys: 4 }),
    }),
    300,
  )
  const numbers = fc.sample(fc.integer(), 300)
  const written = () => ({
    records: records.map(recordBytes),
    ints: numbers.map((n) => new Encoder().writeVarInt(n).buffer.toString('hex')),
    unsigned: numbers.map((n) => new Encoder().writeUVarInt(n >>> 0).buffer.toString('hex')),
    longs: numbers.map((n) => [new Encoder().writeVarLong(n).buffer.toString('hex'), Encoder.sizeOfVarLong(n)]),
  })
  const original = written()
  const { writeUVarInt } = Encoder.prototype
  repairEncoder()
  expect(Encoder.prototype.writeUVarInt).not.toBe(writeUVarInt)
  expect(written()).toEqual(original)
})
