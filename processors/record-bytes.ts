// The bytes of one element of a page's `data` or `included` array, exactly as received: parsing and printing again would change
// numbers beyond 2^53 and the order of keys. Only pages with a dead letter pay for this scan.

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
const OPEN = new Set([0x5b, 0x7b])
const CLOSE = new Set([0x5d, 0x7d])

/** Index after the string that begins at `start`. */
const afterString = (json: Buffer, start: number): number => {
  let i = start + 1
  while (i < json.length && json[i] !== QUOTE) i += json[i] === BACKSLASH ? 2 : 1
  return i + 1
}

/** Index of the comma or closing bracket that ends the value beginning at `start`. */
const endOfValue = (json: Buffer, start: number): number => {
  let depth = 0
  let i = start
  while (i < json.length) {
    const byte = json[i] ?? 0
    if (byte === QUOTE) {
      i = afterString(json, i)
      continue
    }
    if (OPEN.has(byte)) depth++
    else if (CLOSE.has(byte) && depth-- === 0) return i
    else if (byte === COMMA && depth === 0) return i
    i++
  }
  return i
}

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09

const afterSpace = (json: Buffer, start: number): number => {
  let i = start
  while (isSpace(json[i])) i++
  return i
}

/** Index at which the value of a top-level key begins; -1 when the page does not have it. */
const valueOfKey = (json: Buffer, key: string): number => {
  let i = afterSpace(json, 0) + 1
  while (i < json.length) {
    i = afterSpace(json, i)
    if (json[i] !== QUOTE) return -1
    const end = afterString(json, i)
    const name = json.toString('utf8', i + 1, end - 1)
    i = afterSpace(json, end)
    if (json[i] !== COLON) return -1
    i = afterSpace(json, i + 1)
    if (name === key) return i
    i = endOfValue(json, i) + 1
  }
  return -1
}

/** The element's bytes without surrounding space; undefined when the page has no such element. `json` must be valid JSON. */
export const elementBytes = (json: Buffer, key: string, index: number): Buffer | undefined => {
  const array = valueOfKey(json, key)
  if (array < 0 || json[array] !== 0x5b) return undefined
  let start = afterSpace(json, array + 1)
  if (json[start] === 0x5d) return undefined
  for (let n = 0; ; n++) {
    let end = endOfValue(json, start)
    if (n === index) {
      while (isSpace(json[end - 1])) end--
      return json.subarray(start, end)
    }
    if (json[end] !== COMMA) return undefined
    start = afterSpace(json, end + 1)
  }
}
