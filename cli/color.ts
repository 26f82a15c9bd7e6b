// Colours for people: only on a terminal that shows them, never with NO_COLOR (no-color.org).

const CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 } as const

export type Style = keyof typeof CODES
export type Paint = (text: string, style?: Style) => string

export const plain: Paint = (text) => text

const colored: Paint = (text, style) => (style === undefined || text === '' ? text : `\u001b[${CODES[style]}m${text}\u001b[0m`)

interface Terminal {
  readonly isTTY?: boolean
}

/** A terminal on which the cursor can be moved. */
export const isTerminal = (stream: Terminal, environment = process.env): boolean =>
  stream.isTTY === true && environment['TERM'] !== 'dumb'

export const painterFor = (stream: Terminal, environment = process.env): Paint =>
  isTerminal(stream, environment) && !environment['NO_COLOR'] ? colored : plain
