// Slabs of bytes that fields are written to as binary COPY has them: a length of four bytes (-1: null), then the value.
// https://www.postgresql.org/docs/current/sql-copy.html#SQL-COPY-FILE-FORMATS; each type as PostgreSQL's receive function reads it.
import { isUtf8 } from 'node:buffer'
import { cleanText, type OnReplaced } from './text.ts'

const SLAB_BYTES = 1024 * 1024
const NULL_LENGTH = -1
const UNIX_TO_POSTGRES_MS = 946_684_800_000
const UNIX_TO_POSTGRES_DAYS = 10_957
const MAX_DATE_MS = 8.64e15
// What PostgreSQL's date and timestamptz hold: both begin with the Julian day 0 (4714 BC); days are counted from 2000 here.
// https://github.com/postgres/postgres/blob/master/src/include/datatype/timestamp.h
const FIRST_DAY = -2_451_545
const END_OF_DAYS = 2_145_031_949
const FIRST_MS = FIRST_DAY * 86_400_000 + UNIX_TO_POSTGRES_MS
const TWO_32 = 2 ** 32
const JSONB_VERSION = 1
// Below this a loop of ours beats the call into the runtime.
const SHORT_TEXT = 40
const MAX_UTF8_BYTES = 3

const UUID_BYTES = 16
const HYPHEN = 0x2d
const BACKSLASH = 0x5c
const LETTER_U = 0x75
const NOT_HEX = 0xff
const HEX_DIGITS = new Uint8Array(128).fill(NOT_HEX)
for (let digit = 0; digit < 16; digit++) {
  HEX_DIGITS[digit.toString(16).charCodeAt(0)] = digit
  HEX_DIGITS[digit.toString(16).toUpperCase().charCodeAt(0)] = digit
}

/** Numbers by way of a view cost a third of the methods of Buffer. */
const viewOf = (slab: Buffer): DataView => new DataView(slab.buffer, slab.byteOffset, slab.length)

/** Where a piece stands in a slab that it shares with others: an object per row would cost more than the row. */
export interface Piece {
  readonly slab: Buffer
  readonly start: number
  readonly end: number
}

export class CopyBuffer {
  readonly #slabBytes: number
  #bytes: Buffer
  #numbers: DataView
  #start = 0
  #end = 0

  constructor(slabBytes = SLAB_BYTES) {
    this.#slabBytes = slabBytes
    this.#bytes = Buffer.allocUnsafe(slabBytes)
    this.#numbers = viewOf(this.#bytes)
  }

  /** Bytes of the current piece. */
  get length(): number {
    return this.#end - this.#start
  }

  /** The current piece from `from` on. */
  view(from = 0): Buffer {
    return this.#bytes.subarray(this.#start + from, this.#end)
  }

  /** Ends the current piece, which stays as it is for as long as someone holds it, and begins the next. */
  take(): Piece {
    const piece = { slab: this.#bytes, start: this.#start, end: this.#end }
    this.#start = this.#end
    return piece
  }

  /** Begins the current piece anew. */
  drop(): void {
    this.#end = this.#start
  }

  copy({ slab, start, end }: Piece): void {
    this.#reserve(end - start)
    slab.copy(this.#bytes, this.#end, start, end)
    this.#end += end - start
  }

  bytes(value: Buffer): void {
    this.#reserve(4 + value.length)
    this.#length(value.length)
    value.copy(this.#bytes, this.#end)
    this.#end += value.length
  }

  /** Number of fields, at the beginning of each row; -1 at the end of all. */
  fieldCount(count: number): void {
    this.#reserve(2)
    this.#numbers.setInt16(this.#end, count)
    this.#end += 2
  }

  nothing(): void {
    this.#reserve(4)
    this.#length(NULL_LENGTH)
  }

  text(value: string, onReplaced: OnReplaced): void {
    this.#reserve(4 + value.length * MAX_UTF8_BYTES)
    const length =
      value.length <= SHORT_TEXT && this.#ascii(value) ? value.length : this.#utf8(cleanText(value, onReplaced), this.#end + 4)
    this.#length(length)
    this.#end += length
  }

  /**
   * Text that is UTF-8 already, from `source`. False when PostgreSQL could not hold it as it is: NUL, or bytes that are not UTF-8;
   * the caller drops the piece.
   */
  utf8(source: Buffer, start: number, end: number): boolean {
    this.#reserve(4 + end - start)
    this.#length(end - start)
    return this.#copied(source, start, end)
  }

  /** JSON text that is UTF-8 already. False also for an escape like that of NUL, which needs a closer look. */
  utf8Json(source: Buffer, start: number, end: number): boolean {
    this.#reserve(5 + end - start)
    this.#length(1 + end - start)
    this.#bytes[this.#end++] = JSONB_VERSION
    for (let at = start + 1; at < end; at++) if (source[at] === LETTER_U && source[at - 1] === BACKSLASH) return false
    return this.#copied(source, start, end)
  }

  /** `json` is JSON text that jsonb can hold. */
  json(json: string): void {
    this.#reserve(5 + json.length * MAX_UTF8_BYTES)
    const length = 1 + this.#utf8(json, this.#end + 5)
    this.#length(length)
    this.#bytes[this.#end] = JSONB_VERSION
    this.#end += length
  }

  /** Throws RangeError for what is not 32 hexadecimal digits, with or without hyphens. */
  uuid(value: string): void {
    let at = this.#sized(UUID_BYTES)
    let high = -1
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (code === HYPHEN) continue
      const digit = HEX_DIGITS[code] ?? NOT_HEX
      if (digit === NOT_HEX) throw new RangeError('not a uuid')
      if (high === -1) high = digit
      else {
        this.#bytes[at++] = (high << 4) | digit
        high = -1
      }
      if (at > this.#end) break
    }
    if (at !== this.#end || high !== -1) throw new RangeError('not a uuid')
  }

  boolean(value: boolean): void {
    const at = this.#sized(1)
    this.#bytes[at] = value ? 1 : 0
  }

  /** Throws RangeError for what is not a whole number of 32 bits. */
  int(value: number): void {
    if ((value | 0) !== value) throw new RangeError('not an integer of 32 bits')
    const at = this.#sized(4)
    // Not before: making room may have changed the slab.
    this.#numbers.setInt32(at, value)
  }

  /** Throws RangeError for what is not a whole number below 2^53. */
  bigint(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError('not an integer of 53 bits')
    const at = this.#sized(8)
    const high = Math.floor(value / TWO_32)
    this.#numbers.setInt32(at, high)
    this.#numbers.setUint32(at + 4, value - high * TWO_32)
  }

  double(value: number): void {
    const at = this.#sized(8)
    this.#numbers.setFloat64(at, value)
  }

  /** Days since 1970. Throws RangeError beyond what PostgreSQL's calendar has. */
  date(days: number): void {
    const day = days - UNIX_TO_POSTGRES_DAYS
    if (!(day >= FIRST_DAY && day < END_OF_DAYS)) throw new RangeError('not a date')
    this.int(day)
  }

  /** Milliseconds since 1970. Throws RangeError before 4714 BC and beyond the year 275760, where dates of JavaScript end. */
  timestamp(ms: number): void {
    const micros = (ms - UNIX_TO_POSTGRES_MS) * 1_000
    if (Number.isSafeInteger(micros)) this.bigint(micros)
    else {
      if (!Number.isInteger(ms) || ms < FIRST_MS || ms > MAX_DATE_MS) throw new RangeError('not a time')
      const at = this.#sized(8)
      this.#numbers.setBigInt64(at, BigInt(ms - UNIX_TO_POSTGRES_MS) * 1_000n)
    }
  }

  #length(bytes: number): void {
    this.#numbers.setInt32(this.#end, bytes)
    this.#end += 4
  }

  /** Room for a value of a fixed size; where it begins. */
  #sized(bytes: number): number {
    this.#reserve(4 + bytes)
    this.#length(bytes)
    const at = this.#end
    this.#end += bytes
    return at
  }

  #ascii(value: string): boolean {
    const bytes = this.#bytes
    const at = this.#end + 4
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (code === 0 || code > 0x7f) return false
      bytes[at + i] = code
    }
    return true
  }

  #copied(source: Buffer, start: number, end: number): boolean {
    const bytes = this.#bytes
    let all = 0
    if (end - start <= SHORT_TEXT) {
      for (let from = start, to = this.#end; from < end; ) {
        const byte = source[from++] ?? 0
        if (byte === 0) return false
        all |= byte
        bytes[to++] = byte
      }
    } else {
      source.copy(bytes, this.#end, start, end)
      const text = source.subarray(start, end)
      if (text.includes(0)) return false
      all = 0x80
    }
    this.#end += end - start
    return all < 0x80 || isUtf8(source.subarray(start, end))
  }

  #utf8(value: string, at: number): number {
    return this.#bytes.write(value, at)
  }

  /** Only the current piece moves to the next slab: earlier ones are never written to again. */
  #reserve(bytes: number): void {
    if (this.#end + bytes <= this.#bytes.length) return
    const slab = Buffer.allocUnsafe(Math.max(this.#slabBytes, 2 * (this.length + bytes)))
    this.#bytes.copy(slab, 0, this.#start, this.#end)
    this.#end -= this.#start
    this.#start = 0
    this.#bytes = slab
    this.#numbers = viewOf(slab)
  }
}
