// Reads an answer's body as a stream, decompressed, and stops at a cap: a bomb costs no more memory than the cap and one chunk.
import type { Response } from 'node-fetch'

export class BodyTooLarge extends Error {}

/** The body is not as long as its header says: a parser that met the rest may have dropped it all without an error. */
class WrongLength extends Error {
  readonly code = 'WRONG_LENGTH'
}

/** Throws BodyTooLarge above `maxBytes`, and the stream's own error when the body breaks off or cannot be decompressed. */
export const readBody = async (response: Response, maxBytes: number): Promise<Buffer> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    const buffer = typeof chunk === 'string' ? Buffer.from(chunk) : chunk
    bytes += buffer.length
    // Leaving the loop destroys the stream, and with it the socket.
    if (bytes > maxBytes) throw new BodyTooLarge(`more than ${maxBytes} bytes`)
    chunks.push(buffer)
  }
  const declared = response.headers.has('content-encoding') ? null : response.headers.get('content-length')
  if (declared !== null && response.status !== 204 && Number(declared) !== bytes) throw new WrongLength()
  return Buffer.concat(chunks, bytes)
}

/** Of an error's body only this much is read; it is not looked at. */
const MAX_ERROR_BODY_BYTES = 64 * 1024

/** Reads an error's body so that the socket can be used again; that it cannot be read changes nothing. */
export const discardBody = async (response: Response): Promise<void> => {
  await readBody(response, MAX_ERROR_BODY_BYTES).catch(() => undefined)
}
