// The text of JSON from the bytes it came in, to be parsed. One letter beyond Latin-1 makes V8 decode a whole page to two bytes a character, slowly, which took
// longer than parsing it: such letters are written as JSON's own escapes first, and the rest is taken byte by byte.
// A page of 120 kB with 176 bytes that are not ASCII: 298 µs instead of 540 µs.

const ESCAPE_BYTES = 6
const BACKSLASH = 0x5c
const LETTER_U = 0x75
const HEX_DIGITS = Buffer.from('0123456789abcdef')
const NOT_ASCII = 0x80808080
const WORD_BYTES = 4
/** Of the scratch memory that is kept; what is larger is thrown away. */
const KEPT_BYTES = 1024 * 1024

let scratch = Buffer.allocUnsafe(64 * 1024)

const scratchOf = (bytes: number): Buffer => {
  if (scratch.length >= bytes) return scratch
  const larger = Buffer.allocUnsafe(bytes)
  if (bytes <= KEPT_BYTES) scratch = larger
  return larger
}

const isContinuation = (byte: number | undefined): byte is number => byte !== undefined && (byte & 0xc0) === 0x80

/** The character at `at` as the code and its number of bytes, packed as code * 8 + bytes; 0 for what is not UTF-8 (RFC 3629). */
const characterAt = (bytes: Uint8Array, at: number): number => {
  const [first = 0, second, third, fourth] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]
  if (first < 0xc2 || first > 0xf4 || !isContinuation(second)) return 0
  if (first < 0xe0) return (((first & 0x1f) << 6) | (second & 0x3f)) * 8 + 2
  if (!isContinuation(third)) return 0
  const low = ((second & 0x3f) << 6) | (third & 0x3f)
  if (first < 0xf0) {
    const code = ((first & 0x0f) << 12) | low
    // Longer than it need be, or half of a surrogate pair.
    return code < 0x800 || (code >= 0xd800 && code <= 0xdfff) ? 0 : code * 8 + 3
  }
  if (!isContinuation(fourth)) return 0
  const code = ((first & 0x07) << 18) | (low << 6) | (fourth & 0x3f)
  return code < 0x10000 || code > 0x10ffff ? 0 : code * 8 + 4
}

const writeEscape = (out: Buffer, at: number, unit: number): number => {
  out[at] = BACKSLASH
  out[at + 1] = LETTER_U
  for (let digit = 0; digit < 4; digit++) out[at + 2 + digit] = HEX_DIGITS[(unit >> (12 - 4 * digit)) & 0xf] ?? 0
  return at + ESCAPE_BYTES
}

const writeCharacter = (out: Buffer, at: number, code: number): number =>
  code < 0x10000
    ? writeEscape(out, at, code)
    : writeEscape(out, writeEscape(out, at, 0xd800 | ((code - 0x10000) >> 10)), 0xdc00 | ((code - 0x10000) & 0x3ff))

/** Where the next byte that is not ASCII stands, from `from` on; the length when there is none. A word of four bytes at a time. */
const nextNotAscii = (bytes: Uint8Array, view: DataView, from: number): number => {
  let at = from
  const words = bytes.length - WORD_BYTES
  while (at <= words && (view.getUint32(at, true) & NOT_ASCII) === 0) at += WORD_BYTES
  while (at < bytes.length && (bytes[at] ?? 0) < 0x80) at++
  return at
}

/** The text with all that is not ASCII escaped; undefined when that cannot be done, or costs more than it is worth. */
const escaped = (bytes: Uint8Array): string | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  // An escape takes at most three times the bytes of its character, and few characters need one.
  const out = scratchOf(bytes.length + (bytes.length >> 1) + ESCAPE_BYTES * 2)
  let end = 0
  for (let from = 0; ; ) {
    const at = nextNotAscii(bytes, view, from)
    if (end + at - from + ESCAPE_BYTES * 2 > out.length) return undefined
    out.set(bytes.subarray(from, at), end)
    end += at - from
    if (at === bytes.length) return out.toString('latin1', 0, end)
    const character = characterAt(bytes, at)
    // A backslash before it would take the one of the escape for its own.
    if (character === 0 || bytes[at - 1] === BACKSLASH) return undefined
    end = writeCharacter(out, end, character >> 3)
    from = at + (character & 7)
  }
}

/** The same JSON as the bytes are as UTF-8, or as little JSON as they are. */
export const jsonTextOf = (bytes: Buffer): string => escaped(bytes) ?? bytes.toString()
