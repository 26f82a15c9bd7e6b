// Text and JSON that PostgreSQL can hold. Pure; what it cannot hold becomes U+FFFD and is reported.

/** Told how many characters of a value were replaced. */
export type OnReplaced = (count: number) => void

const REPLACEMENT = '\ufffd'

// One look decides for nearly all values: NUL, or half of a surrogate pair (a whole one is looked at again).
const SUSPECT = /[\0\ud800-\udfff]/
const NOT_HELD = /[\0]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g

/** Text without NUL and half pairs, neither of which UTF-8 in PostgreSQL has. */
export const cleanText = (text: string, onReplaced: OnReplaced): string => {
  if (!SUSPECT.test(text)) return text
  let count = 0
  const clean = text.replace(NOT_HELD, () => {
    count++
    return REPLACEMENT
  })
  if (count > 0) onReplaced(count)
  return clean
}

// Escapes of JSON, read from left to right: a whole pair, then one of NUL or of half a pair, then any other.
const ESCAPES = /\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u(?:0000|[dD][89a-fA-F][\da-fA-F]{2})|\\./g

/** JSON text without what jsonb cannot hold in a string. Throws nothing: what is not JSON stays as it is. */
export const cleanJson = (json: string, onReplaced: OnReplaced): string => {
  const whole = cleanText(json, onReplaced)
  if (!whole.includes('\\u')) return whole
  let count = 0
  const clean = whole.replace(ESCAPES, (sequence) => {
    if (sequence.length !== 6) return sequence
    count++
    return REPLACEMENT
  })
  if (count > 0) onReplaced(count)
  return clean
}

/** Levels of nesting: PostgreSQL reads JSON recursively, and its stack ends at some thousand of them. */
const MAX_JSON_DEPTH = 1_000
// Numbers beyond PostgreSQL's numeric, which jsonb makes of them: none that comes from a double is near.
const HUGE_NUMBER = /[eE][+-]?\d{4,}|\d{10000,}/
const JSON_STRINGS = /"[^"\\]*(?:\\.[^"\\]*)*"/g

const depthOf = (json: string): number => {
  let [depth, deepest] = [0, 0]
  for (const character of json) {
    if (character === '[' || character === '{') deepest = Math.max(deepest, ++depth)
    else if (character === ']' || character === '}') depth--
  }
  return deepest
}

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** True when jsonb can hold this text, which has been through `cleanJson`. A look at its length decides for most about its depth. */
export const isHeldByJsonb = (json: string): boolean => {
  if (!isJson(json)) return false
  if (json.length < 2 * MAX_JSON_DEPTH && !HUGE_NUMBER.test(json)) return true
  const bare = json.replace(JSON_STRINGS, '')
  return !HUGE_NUMBER.test(bare) && depthOf(bare) <= MAX_JSON_DEPTH
}

/** A map of JSON texts as one JSON object, its keys in a fixed order, so that equal maps give equal text. */
export const jsonObject = (map: Readonly<Record<string, string>>): string => {
  const keys = Object.keys(map)
  if (keys.length === 0) return '{}'
  return `{${keys
    .sort()
    .map((key) => `${JSON.stringify(key)}:${map[key]}`)
    .join(',')}}`
}
