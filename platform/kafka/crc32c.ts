// CRC-32C (Castagnoli), as record batches carry it: eight bytes a step, by eight tables. Nobody's runtime brings this polynomial.
// https://datatracker.ietf.org/doc/html/rfc3720#appendix-B.4

const POLYNOMIAL = 0x82f63b78
const BYTES_PER_STEP = 8

/** tables[k * 256 + b]: what byte b does to the checksum when k more bytes follow it in the same step. */
const tables = new Int32Array(BYTES_PER_STEP * 256)
for (let byte = 0; byte < 256; byte++) {
  let crc = byte
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1
  tables[byte] = crc
}
for (let at = 256; at < tables.length; at++) {
  const previous = tables[at - 256] ?? 0
  tables[at] = (previous >>> 8) ^ (tables[previous & 0xff] ?? 0)
}

const table = (k: number, byte: number): number => tables[(k << 8) | (byte & 0xff)] ?? 0

/** Checksum of `bytes` from `from` on, unsigned. */
export const crc32c = (bytes: Buffer, from: number): number => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  let crc = -1
  let at = from
  for (; at + BYTES_PER_STEP <= bytes.length; at += BYTES_PER_STEP) {
    const low = crc ^ view.getInt32(at, true)
    const high = view.getInt32(at + 4, true)
    crc =
      table(7, low) ^
      table(6, low >>> 8) ^
      table(5, low >>> 16) ^
      table(4, low >>> 24) ^
      table(3, high) ^
      table(2, high >>> 8) ^
      table(1, high >>> 16) ^
      table(0, high >>> 24)
  }
  for (; at < bytes.length; at++) crc = table(0, crc ^ (bytes[at] ?? 0)) ^ (crc >>> 8)
  return (crc ^ -1) >>> 0
}
