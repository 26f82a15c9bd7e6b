// Text that PostgreSQL can hold, in the form COPY reads. Pure; what cannot be held becomes U+FFFD and is reported.

/** Told how many characters of a value were replaced. */
export type OnReplaced = (count: number) => void

const REPLACEMENT = '\ufffd'

// One look decides for nearly all values: NUL, what COPY escapes, or half of a surrogate pair (a whole one is looked at again).
const SPECIAL = /[\0\\\n\r\t\ud800-\udfff]/
const NOT_HELD = /[\0]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g
const ESCAPED = /[\\\n\r\t]/g
const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const replaced = (text: string, pattern: RegExp, onReplaced: OnReplaced): string => {
  let count = 0
  const clean = text.replace(pattern, () => {
    count++
    return REPLACEMENT
  })
  if (count > 0) onReplaced(count)
  return clean
}

/** A text as a field of COPY. */
export const copyText = (text: string, onReplaced: OnReplaced): string => {
  if (!SPECIAL.test(text)) return text
  return replaced(text, NOT_HELD, onReplaced).replace(ESCAPED, (character) => ESCAPES[character] ?? character)
}

// Escapes of JSON, read from left to right: a whole pair, then one of NUL or of half a pair, then any other.
const JSON_ESCAPES = /\\u[dD][89abAB][\da-fA-F]{2}\\u[dD][c-fC-F][\da-fA-F]{2}|\\u(?:0000|[dD][89a-fA-F][\da-fA-F]{2})|\\./g

/** JSON text that jsonb can hold, as a field of COPY. Throws nothing: what is not JSON is refused by PostgreSQL. */
export const copyJson = (json: string, onReplaced: OnReplaced): string => {
  if (!json.includes('\\u')) return copyText(json, onReplaced)
  let count = 0
  const clean = json.replace(JSON_ESCAPES, (sequence) => {
    if (sequence.length !== 6) return sequence
    count++
    return REPLACEMENT
  })
  if (count > 0) onReplaced(count)
  return copyText(clean, onReplaced)
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
