import { createRequire } from 'node:module'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { crc32c } from '../../../platform/kafka/crc32c.ts'
import {
  BATCH_OVERHEAD_BYTES,
  encodeBatch,
  type Message,
  type OutgoingMessage,
  readMessages,
  receivedBatches,
} from '../../../platform/kafka/record-batch.ts'
import { VarintReader, varintSize, writeVarint } from '../../../platform/varint.ts'

// The client's own codec, which wrote and read these batches for years, is the witness.
const require = createRequire(import.meta.url)
const Encoder = require('kafkajs/src/protocol/encoder.js')
const Decoder = require('kafkajs/src/protocol/decoder.js')
const theirRecord = require('kafkajs/src/protocol/recordBatch/record/v0/index.js')
const { RecordBatch: theirBatch } = require('kafkajs/src/protocol/recordBatch/v0/index.js')
const theirDecode = require('kafkajs/src/protocol/recordBatch/v0/decoder.js')
const theirCrc = require('kafkajs/src/protocol/recordBatch/crc32C/index.js')

const AT = 1_750_000_000_000

const text = (maxLength: number) => fc.oneof(fc.string({ maxLength }), fc.string({ unit: 'grapheme', maxLength }))
const messages = fc.array(
  fc.record({
    key: text(60),
    value: fc.oneof(
      fc.constant(null),
      fc.uint8Array({ maxLength: 3_000 }).map((bytes) => Buffer.from(bytes)),
    ),
    headers: fc.dictionary(
      // The client takes names that every object has for given twice.
      text(12).filter((name) => !(name in {})),
      text(80),
      { maxKeys: 4 },
    ),
  }),
  { minLength: 1, maxLength: 80 },
)

const readAll = async (bytes: Buffer, from = 0n): Promise<Message[]> => {
  const read: Message[] = []
  for (const batch of await receivedBatches(bytes)) readMessages(batch, from, read)
  return read
}

const asRead = (sent: readonly OutgoingMessage[], base = 0n): Message[] =>
  sent.map((message, n) => ({ ...message, headers: { ...message.headers }, offset: base + BigInt(n), timestamp: AT }))

/** As a broker stores it: with its own base offset, which the checksum does not cover. */
const stored = (batch: Buffer, base: bigint): Buffer => {
  const copy = Buffer.from(batch)
  copy.writeBigInt64BE(base)
  return copy
}

test('the client reads from our batches what was written, and their checksum is right', async () => {
  await fc.assert(
    fc.asyncProperty(messages, fc.boolean(), async (sent, compressed) => {
      const bytes = await encodeBatch(sent, AT, compressed)
      const { records, lastOffsetDelta } = await theirDecode(new Decoder(bytes))
      expect(lastOffsetDelta).toBe(sent.length - 1)
      expect(theirCrc(bytes.subarray(21))).toBe(bytes.readUInt32BE(17))
      const read = records.map((r: { key: Buffer; value: Buffer | null; headers: Record<string, Buffer>; offset: string }) => ({
        key: r.key.toString(),
        value: r.value,
        headers: Object.fromEntries(Object.entries(r.headers).map(([name, value]) => [name, value.toString()])),
        offset: BigInt(r.offset),
        timestamp: AT,
      }))
      expect(read).toEqual(asRead(sent))
    }),
    { numRuns: 150 },
  )
})

test('we read from the client’s batches what was written', async () => {
  await fc.assert(
    fc.asyncProperty(messages, fc.array(fc.nat(100_000), { minLength: 80, maxLength: 80 }), async (sent, late) => {
      const records = sent.map((message, n) => theirRecord({ ...message, offsetDelta: n, timestampDelta: late[n] }))
      const batch = await theirBatch({ records, firstTimestamp: AT, maxTimestamp: AT, lastOffsetDelta: records.length - 1 })
      const read = await readAll(stored(batch.buffer.subarray(0, batch.size()), 7_000_000_000n))
      expect(read).toEqual(asRead(sent, 7_000_000_000n).map((message, n) => ({ ...message, timestamp: AT + (late[n] ?? 0) })))
    }),
    { numRuns: 100 },
  )
})

test('messages before the offset that was asked for are left out, and a batch that is cut off is not read', async () => {
  const sent = ['a', 'b', 'c', 'd'].map((key) => ({ key, value: Buffer.from(key), headers: {} }))
  const [first, second] = [await encodeBatch(sent, AT, false), await encodeBatch(sent, AT, true)]
  const bytes = Buffer.concat([stored(first, 10n), stored(second, 14n)])
  expect((await readAll(bytes, 12n)).map(({ offset }) => offset)).toEqual([12n, 13n, 14n, 15n, 16n, 17n])
  for (const cut of [1, 20, second.length - BATCH_OVERHEAD_BYTES, second.length - 1])
    expect(await readAll(bytes.subarray(0, bytes.length - cut), 0n)).toHaveLength(4)
})

test('a record whose lengths point beyond its batch is an error, not a read of other memory', async () => {
  const bytes = await encodeBatch([{ key: 'k', value: Buffer.alloc(20), headers: {} }], AT, false)
  // The value's length: after the record's length, attributes, two deltas, and the key with its length.
  bytes[BATCH_OVERHEAD_BYTES + 6] = 0x7e
  await expect(readAll(bytes)).rejects.toThrow(RangeError)
})

test('a header may have the name of what every object has', async () => {
  const sent = [{ key: 'k', value: null, headers: { valueOf: 'x', constructor: 'y' } }]
  expect(await readAll(await encodeBatch(sent, AT, false))).toEqual(asRead(sent))
})

test('an unknown compression is named', async () => {
  const bytes = await encodeBatch([{ key: 'k', value: null, headers: {} }], AT, false)
  bytes.writeInt16BE(3, 21)
  await expect(receivedBatches(bytes)).rejects.toThrow('codec 3')
})

test('the checksum is CRC-32C', () => {
  expect(crc32c(Buffer.from('123456789'), 0)).toBe(0xe3069283)
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(20), (data, from) => {
      const bytes = Buffer.from(data)
      expect(crc32c(bytes, from)).toBe(theirCrc(bytes.subarray(from)))
    }),
  )
})

test('varints are those of the client', () => {
  fc.assert(
    fc.property(fc.integer(), fc.maxSafeInteger(), (int, long) => {
      const bytes = Buffer.alloc(5)
      const end = writeVarint(bytes, 0, int)
      const encoded = new Encoder().writeVarInt(int)
      expect(bytes.toString('hex', 0, end)).toBe(encoded.buffer.toString('hex', 0, encoded.size()))
      expect(varintSize(int)).toBe(end)
      expect(new VarintReader(bytes).int()).toBe(int)
      const longer = new Encoder().writeVarLong(long)
      expect(new VarintReader(longer.buffer.subarray(0, longer.size())).long()).toBe(long)
    }),
  )
  expect(() => new VarintReader(Buffer.alloc(6, 0xff)).int()).toThrow(RangeError)
  expect(() => new VarintReader(Buffer.alloc(2, 0xff)).long()).toThrow(RangeError)
})

test('a batch that the broker has stamped tells when it was appended, and not when it was sent', async () => {
  const batch = Buffer.from(await encodeBatch([{ key: 'k', value: Buffer.from('v'), headers: {} }], AT, false))
  const [ATTRIBUTES_AT, LAST_TIMESTAMP_AT, LOG_APPEND_TIME] = [21, 35, 8]
  batch.writeInt16BE(LOG_APPEND_TIME, ATTRIBUTES_AT)
  batch.writeBigInt64BE(BigInt(AT + 5_000), LAST_TIMESTAMP_AT)
  expect(await readAll(batch)).toMatchObject([{ key: 'k', timestamp: AT + 5_000 }])
})
