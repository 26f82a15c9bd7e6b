// Record batches of Kafka's message format 2: messages to bytes and back. The client's own way makes some twenty objects and seven
// copies of a record, which was a quarter of all our work. https://kafka.apache.org/documentation/#recordbatch
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import { VarintReader, varintSize, writeVarint } from '../varint.ts'
import { crc32c } from './crc32c.ts'

export interface OutgoingMessage {
  readonly key: string
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
}

export interface Message {
  readonly offset: bigint
  readonly key: string | null
  readonly value: Buffer | null
  readonly headers: Readonly<Record<string, string>>
  /** When it was written, in ms since 1970: by the broker's clock on topics of ours, else the producer's. For ordering work, for nothing that decides. */
  readonly timestamp: number
}

// Where the fields of a batch stand.
const LENGTH_AT = 8
const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const LAST_OFFSET_DELTA_AT = 23
const FIRST_TIMESTAMP_AT = 27
const MAX_TIMESTAMP_AT = 35
const PRODUCER_ID_AT = 43
const PRODUCER_EPOCH_AT = 51
const BASE_SEQUENCE_AT = 53
const COUNT_AT = 57
/** Bytes of a batch before its first record. */
export const BATCH_OVERHEAD_BYTES = 61
/** Bytes that the length does not count. */
const BEFORE_LENGTH_BYTES = LENGTH_AT + 4

const MAGIC = 2
const NOTHING = -1
const CODEC_MASK = 7
const GZIP = 1
const LOG_APPEND_TIME = 8
const TRANSACTIONAL = 16
const CONTROL = 32

// Level 1: JSON is nearly as small as at 6 for a third of the work. Chunks as large as what comes out, because each is a call back.
const compress = promisify(gzip)
const COMPRESSION = { level: 1, chunkSize: 64 * 1024 }
const gunzipped = promisify(gunzip)
const MAX_UNPACKED_BYTES = 256 * 1024 * 1024
/** Memory asked for at once: a chunk is kept whole by the little that is in it, and each chunk is a call back. */
const [MIN_CHUNK_BYTES, MAX_CHUNK_BYTES] = [1024, 8 * 1024 * 1024]
/** A gzip stream ends with the length of what it holds, modulo 2^32 (RFC 1952). */
const GZIP_LENGTH_BYTES = 4

/** Into one piece of memory of its size, if its last bytes say the truth. */
const decompress = (bytes: Buffer): Promise<Buffer> => {
  const said = bytes.length < GZIP_LENGTH_BYTES ? 0 : bytes.readUInt32LE(bytes.length - GZIP_LENGTH_BYTES)
  // One more, or the last call cannot tell that it was the last.
  const chunkSize = Math.max(MIN_CHUNK_BYTES, Math.min(said + 1, MAX_CHUNK_BYTES))
  return gunzipped(bytes, { chunkSize, maxOutputLength: MAX_UNPACKED_BYTES })
}

/** Attributes, delta of the timestamp (0), delta of the offset, key, value, headers: without the length before them. */
const bodySize = ({ key, value, headers }: OutgoingMessage, delta: number): number => {
  const keyBytes = Buffer.byteLength(key)
  const valueBytes = value === null ? 0 : value.length
  let size = 2 + varintSize(delta) + varintSize(keyBytes) + keyBytes
  size += value === null ? 1 : varintSize(valueBytes) + valueBytes
  let count = 0
  for (const name in headers) {
    const [nameBytes, headerBytes] = [Buffer.byteLength(name), Buffer.byteLength(headers[name] ?? '')]
    size += varintSize(nameBytes) + nameBytes + varintSize(headerBytes) + headerBytes
    count++
  }
  return size + varintSize(count)
}

const countOf = (headers: OutgoingMessage['headers']): number => {
  let count = 0
  for (const _ in headers) count++
  return count
}

const writeText = (bytes: Buffer, at: number, text: string): number => {
  // Most are ASCII: one byte a character, as its length then says.
  const length = Buffer.byteLength(text)
  const start = writeVarint(bytes, at, length)
  bytes.write(text, start, length === text.length ? 'latin1' : 'utf8')
  return start + length
}

const writeRecord = (bytes: Buffer, from: number, message: OutgoingMessage, size: number, delta: number): number => {
  const { key, value, headers } = message
  let at = writeVarint(bytes, from, size)
  bytes[at++] = 0
  bytes[at++] = 0
  at = writeVarint(bytes, at, delta)
  at = writeText(bytes, at, key)
  if (value === null) at = writeVarint(bytes, at, NOTHING)
  else {
    at = writeVarint(bytes, at, value.length)
    bytes.set(value, at)
    at += value.length
  }
  at = writeVarint(bytes, at, countOf(headers))
  for (const name in headers) {
    at = writeText(bytes, at, name)
    at = writeText(bytes, at, headers[name] ?? '')
  }
  return at
}

const writeOverhead = (batch: Buffer, count: number, timestamp: number, codec: number): void => {
  batch.writeBigInt64BE(0n)
  batch.writeInt32BE(batch.length - BEFORE_LENGTH_BYTES, LENGTH_AT)
  batch.writeInt32BE(NOTHING, BEFORE_LENGTH_BYTES)
  batch[MAGIC_AT] = MAGIC
  batch.writeInt16BE(codec, ATTRIBUTES_AT)
  batch.writeInt32BE(count - 1, LAST_OFFSET_DELTA_AT)
  batch.writeBigInt64BE(BigInt(timestamp), FIRST_TIMESTAMP_AT)
  batch.writeBigInt64BE(BigInt(timestamp), MAX_TIMESTAMP_AT)
  // No producer id: not idempotent, not transactional.
  batch.writeBigInt64BE(-1n, PRODUCER_ID_AT)
  batch.writeInt16BE(NOTHING, PRODUCER_EPOCH_AT)
  batch.writeInt32BE(NOTHING, BASE_SEQUENCE_AT)
  batch.writeInt32BE(count, COUNT_AT)
  batch.writeUInt32BE(crc32c(batch, ATTRIBUTES_AT), CRC_AT)
}

/** One batch of all the messages, stamped with `timestamp` (ms since 1970). */
export const encodeBatch = async (
  messages: readonly OutgoingMessage[],
  timestamp: number,
  compressed: boolean,
): Promise<Buffer> => {
  const sizes = new Int32Array(messages.length)
  let total = BATCH_OVERHEAD_BYTES
  for (const [n, message] of messages.entries()) {
    const size = bodySize(message, n)
    sizes[n] = size
    total += varintSize(size) + size
  }
  const plain = Buffer.allocUnsafe(total)
  let at = BATCH_OVERHEAD_BYTES
  for (const [n, message] of messages.entries()) at = writeRecord(plain, at, message, sizes[n] ?? 0, n)
  const batch = compressed
    ? Buffer.concat([plain.subarray(0, BATCH_OVERHEAD_BYTES), await compress(plain.subarray(BATCH_OVERHEAD_BYTES), COMPRESSION)])
    : plain
  writeOverhead(batch, messages.length, timestamp, compressed ? GZIP : 0)
  return batch
}

/** A batch as it came, its records unpacked and not yet read. */
export interface ReceivedBatch {
  readonly baseOffset: bigint
  /** Of the last record that the batch was written with; compaction may have taken it away. */
  readonly lastOffset: bigint
  readonly firstTimestamp: number
  /** The broker's time of all records, where the topic is set so. */
  readonly appendedAt: number | undefined
  readonly producerId: string
  readonly isTransactional: boolean
  readonly isControl: boolean
  readonly count: number
  /** All of it, as it lies on the broker. */
  readonly storedBytes: number
  readonly records: Buffer
}

/** True when the bytes begin with a batch of this format. */
export const isBatch = (bytes: Buffer): boolean => bytes[MAGIC_AT] === MAGIC

/** The whole batches at the beginning of `bytes`: a broker cuts the last one where the request's limit is. */
export const receivedBatches = async (bytes: Buffer): Promise<ReceivedBatch[]> => {
  const batches: ReceivedBatch[] = []
  for (let at = 0; at + BATCH_OVERHEAD_BYTES <= bytes.length; ) {
    const end = at + BEFORE_LENGTH_BYTES + bytes.readInt32BE(at + LENGTH_AT)
    if (end > bytes.length) break
    batches.push(await receivedBatch(bytes.subarray(at, end)))
    at = end
  }
  return batches
}

const receivedBatch = async (bytes: Buffer): Promise<ReceivedBatch> => {
  const attributes = bytes.readInt16BE(ATTRIBUTES_AT)
  const codec = attributes & CODEC_MASK
  if (codec !== 0 && codec !== GZIP) throw new Error(`a batch is compressed by codec ${codec}; only gzip (${GZIP}) can be read`)
  const records = bytes.subarray(BATCH_OVERHEAD_BYTES)
  const baseOffset = bytes.readBigInt64BE()
  return {
    baseOffset,
    lastOffset: baseOffset + BigInt(bytes.readInt32BE(LAST_OFFSET_DELTA_AT)),
    firstTimestamp: Number(bytes.readBigInt64BE(FIRST_TIMESTAMP_AT)),
    appendedAt: attributes & LOG_APPEND_TIME ? Number(bytes.readBigInt64BE(MAX_TIMESTAMP_AT)) : undefined,
    producerId: bytes.readBigInt64BE(PRODUCER_ID_AT).toString(),
    isTransactional: (attributes & TRANSACTIONAL) !== 0,
    isControl: (attributes & CONTROL) !== 0,
    count: bytes.readInt32BE(COUNT_AT),
    storedBytes: bytes.length,
    records: codec === GZIP ? await decompress(records) : records,
  }
}

const readBytes = (reader: VarintReader): Buffer | null => {
  const length = reader.int()
  if (length < 0) return null
  const start = reader.at
  reader.at += length
  if (reader.at > reader.bytes.length) throw new RangeError('a record ends before it is whole')
  return reader.bytes.subarray(start, reader.at)
}

const readText = (reader: VarintReader): string | null => {
  const length = reader.int()
  if (length < 0) return null
  const start = reader.at
  reader.at += length
  if (reader.at > reader.bytes.length) throw new RangeError('a record ends before it is whole')
  return reader.bytes.toString('utf8', start, reader.at)
}

const readHeaders = (reader: VarintReader): Record<string, string> => {
  const headers: Record<string, string> = {}
  for (let left = reader.int(); left > 0; left--) {
    const name = readText(reader) ?? ''
    const value = readText(reader)
    // Of several with one name the first counts.
    if (value !== null && !Object.hasOwn(headers, name)) headers[name] = value
  }
  return headers
}

/** The key of the first record: what a control batch says. */
export const controlKey = ({ records }: ReceivedBatch): Buffer | null => {
  const reader = new VarintReader(records)
  reader.int()
  reader.at++
  reader.long()
  reader.int()
  return readBytes(reader)
}

/**
 * Appends the records at `from` and after it. Their values share the batch's memory. Throws RangeError when the bytes are not
 * what the batch says.
 */
export const readMessages = (batch: ReceivedBatch, from: bigint, into: Message[]): void => {
  const { baseOffset, firstTimestamp, appendedAt } = batch
  const reader = new VarintReader(batch.records)
  const skipped = Number(from - baseOffset)
  for (let left = batch.count; left > 0; left--) {
    const end = reader.int() + reader.at
    reader.at++
    const timestamp = appendedAt ?? firstTimestamp + reader.long()
    if (appendedAt !== undefined) reader.long()
    const delta = reader.int()
    if (delta >= skipped) {
      const key = readText(reader)
      const value = readBytes(reader)
      into.push({ offset: baseOffset + BigInt(delta), key, value, headers: readHeaders(reader), timestamp })
    }
    reader.at = end
  }
}
