// Reads an answer's body as a stream, decompressed, and stops at a cap: a bomb costs no more memory than the cap and one chunk.
import { createHash } from 'node:crypto'
import type { Response } from 'node-fetch'

/** What came of an answer that is above the cap, before reading it was given up. */
export interface ReceivedPart {
  /** The first 64 KiB: what a dead letter keeps. */
  readonly beginning: Buffer
  /** All that was read, and its SHA-256 in hex. */
  readonly readBytes: number
  readonly sha256: string
  /** The whole length, where the answer says it. */
  readonly fullBytes: number | null
}

const KEPT_BYTES = 64 * 1024

export class BodyTooLarge extends Error {
  readonly received: ReceivedPart

  constructor(maxBytes: number, received: ReceivedPart) {
    super(`more than ${maxBytes} bytes`)
    this.received = received
  }
}

/** The body is not as long as its header says: a parser that met the rest may have dropped it all without an error. */
class WrongLength extends Error {
  readonly code = 'WRONG_LENGTH'
}

/** Throws BodyTooLarge above `maxBytes`, and the stream's own error when the body breaks off or cannot be decompressed. */
export const readBody = async (response: Response, maxBytes: number): Promise<Buffer> => {
  const declared = declaredLength(response)
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    const buffer = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    bytes += buffer.length
    chunks.push(buffer)
    // Leaving the loop destroys the stream, and with it the socket.
    if (bytes > maxBytes) throw new BodyTooLarge(maxBytes, receivedPart(chunks, bytes, declared))
  }
  if (declared !== null && response.status !== 204 && declared !== bytes) throw new WrongLength()
  return Buffer.concat(chunks, bytes)
}

/** Null when it is not said, or is that of the compressed body. */
const declaredLength = ({ headers }: Response): number | null => {
  const declared = headers.has('content-encoding') ? null : headers.get('content-length')
  return declared === null ? null : Number(declared)
}

const receivedPart = (chunks: readonly Buffer[], readBytes: number, fullBytes: number | null): ReceivedPart => {
  const hash = createHash('sha256')
  for (const chunk of chunks) hash.update(chunk)
  // A copy, cut off: a view would hold all that was read for as long as the beginning is kept.
  const beginning = Buffer.concat(chunks, Math.min(readBytes, KEPT_BYTES))
  return { beginning, readBytes, sha256: hash.digest('hex'), fullBytes }
}

/** Of an error's body only this much is read. */
const MAX_ERROR_BODY_BYTES = 64 * 1024

/** Reads an error's body so that the socket can be used again; that it cannot be read changes nothing. */
export const readErrorBody = (response: Response): Promise<Buffer> =>
  readBody(response, MAX_ERROR_BODY_BYTES).catch(() => Buffer.alloc(0))
