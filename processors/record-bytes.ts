// The bytes of the elements of a page's arrays, such as `data`, or of the array that it is, exactly as received: parsing and printing again would change
// numbers beyond 2^53 and the order of keys. Only pages with a dead letter pay for this scan.

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c
const COLON = 0x3a
/** Brackets and braces differ in this bit. */
const BRACE_BIT = 0x20
const OPEN = 0x7b
const CLOSE = 0x7d
const ARRAY = 0x5b
const END_OF_ARRAY = 0x5d

interface Span {
  readonly start: number
  readonly end: number
}

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
    if ((byte | BRACE_BIT) === OPEN) depth++
    else if ((byte | BRACE_BIT) === CLOSE && depth-- === 0) return i
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

/** Where each element of the array that begins at `array` stands, without surrounding space; none when there is no array. One pass. */
const elementSpans = (json: Buffer, array: number): readonly Span[] => {
  const spans: Span[] = []
  if (array < 0 || json[array] !== ARRAY) return spans
  let start = afterSpace(json, array + 1)
  if (json[start] === END_OF_ARRAY) return spans
  for (;;) {
    const next = endOfValue(json, start)
    let end = next
    while (isSpace(json[end - 1])) end--
    spans.push({ start, end })
    if (json[next] !== COMMA) return spans
    start = afterSpace(json, next + 1)
  }
}

/** The page itself where it is an array, or the arrays that it has, each with where it begins. */
const arraysIn = (json: Buffer, body: unknown): readonly (readonly [readonly unknown[], number])[] => {
  if (Array.isArray(body)) return [[body, afterSpace(json, 0)]]
  return Object.entries(body ?? {}).flatMap(([key, value]) => (Array.isArray(value) ? [[value, valueOfKey(json, key)]] : []))
}

/** The bytes of one of a page's elements, by the parsed value; undefined for a value that is no element. */
export type ElementBytes = (element: unknown) => Buffer | undefined

/**
 * `json` must be valid JSON and `body` what was parsed from it. The page is read once, at the first question: a page of nothing but
 * bad records costs no more than that.
 */
export const createElementBytes = (json: Buffer, body: unknown): ElementBytes => {
  let known: Map<unknown, Span> | undefined
  const index = (): Map<unknown, Span> => {
    const made = new Map<unknown, Span>()
    for (const [elements, at] of arraysIn(json, body)) {
      const spans = elementSpans(json, at)
      // From the end, so that of equal plain values (null, 1) the first stays.
      for (let n = elements.length - 1; n >= 0; n--) {
        const span = spans[n]
        if (span !== undefined) made.set(elements[n], span)
      }
    }
    return made
  }
  return (element) => {
    known ??= index()
    const span = known.get(element)
    return span && json.subarray(span.start, span.end)
  }
}
