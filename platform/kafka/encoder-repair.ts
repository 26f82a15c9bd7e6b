// Two hot methods of kafkajs's encoder, replaced by ones with the same bytes: it makes an array and a buffer for every varint, and
// fills with zeros what is overwritten. A third of the cost of producing a record; test/unit/platform/encoder-repair.test.ts compares.
// @ts-expect-error kafkajs ships no types for its inner modules
import Encoder from 'kafkajs/src/protocol/encoder.js'

interface Buffered {
  buf: Buffer
  offset: number
  ensureAvailable(length: number): void
}

const MAX_VARINT_BYTES = 5
const LARGEST_PLAIN_LONG = 0x3fffffff

function writeUVarInt(this: Buffered, value: number): Buffered {
  this.ensureAvailable(MAX_VARINT_BYTES)
  let rest = value >>> 0
  while (rest > 0x7f) {
    this.buf[this.offset++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  this.buf[this.offset++] = rest
  return this
}

function ensureAvailable(this: Buffered, length: number): void {
  const needed = this.offset + length
  if (needed <= this.buf.length) return
  const larger = Buffer.allocUnsafe(Encoder.nextPowerOfTwo(needed))
  this.buf.copy(larger, 0, 0, this.offset)
  this.buf = larger
}

const isPlain = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= LARGEST_PLAIN_LONG

let repaired = false

export const repairEncoder = (): void => {
  if (repaired) return
  repaired = true
  const { writeVarLong } = Encoder.prototype
  const { sizeOfVarLong } = Encoder
  Encoder.prototype.writeUVarInt = writeUVarInt
  Encoder.prototype.ensureAvailable = ensureAvailable
  // Deltas of timestamps are small: no need of 64-bit arithmetic by BigInt.
  Encoder.prototype.writeVarLong = function (this: Buffered, value: unknown): Buffered {
    return isPlain(value) ? writeUVarInt.call(this, value * 2) : writeVarLong.call(this, value)
  }
  Encoder.sizeOfVarLong = (value: unknown): number =>
    isPlain(value) ? Encoder.sizeOfVarInt(value) : sizeOfVarLong.call(Encoder, value)
}
