// An answer's body as JSON, for the envelope of an API. Parses once: bodies are about 300 KB.
import { parseExactJson } from '../../platform/exact-json.ts'
import { jsonTextOf } from '../../platform/json-bytes.ts'
import { badResponse } from './errors.ts'

/** Of an answer that is not JSON. */
const LOOKED_AT_BYTES = 1_000

/** Throws ApiError('bad-response') for what is no JSON; `what` says what was asked for. */
export const parseAnswer = (what: string, body: Buffer): unknown => {
  if (body.length === 0) throw badResponse(`The answer for ${what} is empty`)
  try {
    return parseExactJson(jsonTextOf(body))
  } catch {
    // The parser's own message quotes the body.
    const found = /^\s*</.test(body.toString('utf8', 0, LOOKED_AT_BYTES)) ? 'a web page instead of JSON' : 'not valid JSON'
    throw badResponse(`The answer for ${what} is ${found} (${body.length} bytes)`)
  }
}
