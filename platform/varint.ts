// Zigzag varints as Kafka and Avro have them: seven bits a byte, the lowest first. Of 64 bits only what a double's whole numbers hold.

export const MAX_VARINT_BYTES = 5
const MAX_VARLONG_BYTES = 10
const TWO_32 = 2 ** 32

/** Bytes that the varint of a whole number of 32 bits takes. */
export const varintSize = (value: number): number => {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0
  if (zigzag < 0x80) return 1
  if (zigzag < 0x4000) return 2
  if (zigzag < 0x200000) return 3
  return zigzag < 0x10000000 ? 4 : MAX_VARINT_BYTES
}

/** Writes a whole number of 32 bits at `at`; the position after it. */
export const writeVarint = (bytes: Buffer, at: number, value: number): number => {
  let rest = ((value << 1) ^ (value >> 31)) >>> 0
  let end = at
  while (rest > 0x7f) {
    bytes[end++] = (rest & 0x7f) | 0x80
    rest >>>= 7
  }
  bytes[end++] = rest
  return end
}

/** Reads one number after another. Throws RangeError at the end of the bytes, and at a number that is too long. */
export class VarintReader {
  readonly bytes: Buffer
  at: number

  constructor(bytes: Buffer, at = 0) {
    this.bytes = bytes
    this.at = at
  }

  /** A whole number of 32 bits. */
  int(): number {
    let byte = this.bytes[this.at++]
    // Nearly all are short.
    if (byte !== undefined && byte < 0x80) return (byte >>> 1) ^ -(byte & 1)
    let value = 0
    for (let shift = 0; shift < 7 * MAX_VARINT_BYTES; shift += 7) {
      if (byte === undefined || (shift === 28 && byte > 0x0f)) break
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1)
      byte = this.bytes[this.at++]
    }
    throw new RangeError('not a varint')
  }

  /** A whole number of 64 bits, exact below 2^53. */
  long(): number {
    let low = 0
    let high = 0
    for (let n = 0; n < MAX_VARLONG_BYTES; n++) {
      const byte = this.bytes[this.at++]
      if (byte === undefined) break
      const bits = byte & 0x7f
      if (n < 4) low |= bits << (7 * n)
      else if (n === 4) {
        low |= bits << 28
        high |= bits >>> 4
      } else high |= bits << (7 * n - 32)
      if (byte < 0x80) {
        const isNegative = low & 1
        const half = (((high & 1) << 31) | (low >>> 1)) >>> 0
        const value = (high >>> 1) * TWO_32 + half
        return isNegative ? -value - 1 : value
      }
    }
    throw new RangeError('not a varint')
  }
}
