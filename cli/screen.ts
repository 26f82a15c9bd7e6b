// A few lines of a terminal that are drawn again in place; other text goes above them.
import type { WriteStream } from 'node:tty'
import { stripVTControlCharacters } from 'node:util'

const CLEAR_TO_END_OF_LINE = '\u001b[K'
const CLEAR_BELOW = '\u001b[J'

export class Screen {
  readonly #out: WriteStream
  #frame: readonly string[] = []

  constructor(out: WriteStream) {
    this.#out = out
  }

  /** One column stays free: a full last column makes some terminals wrap. */
  get width(): number {
    return Math.max(20, (this.#out.columns || 80) - 1)
  }

  /** The cursor stands below the frame. */
  get height(): number {
    return Math.max(2, (this.#out.rows || 24) - 1)
  }

  draw(lines: readonly string[]): void {
    this.#out.write(`${this.#home()}${lines.map((line) => `${line}${CLEAR_TO_END_OF_LINE}\n`).join('')}${CLEAR_BELOW}`)
    this.#frame = lines
  }

  /** Writes text above the frame; it scrolls away as usual. */
  above(line: string): void {
    const frame = this.#frame
    this.draw(line.split('\n'))
    this.#frame = []
    this.draw(frame)
  }

  /** The frame stays as it is; what is written next comes below it. */
  leave(): void {
    // A terminal echoes Ctrl-C as ^C where the cursor stands.
    this.#out.write(`\r${CLEAR_TO_END_OF_LINE}`)
    this.#frame = []
  }

  clear(): void {
    this.#out.write(`${this.#home()}${CLEAR_BELOW}`)
    this.#frame = []
  }

  /** To the first column of the frame's first line. Lines of a terminal made narrower since have wrapped. */
  #home(): string {
    const columns = this.#out.columns || 80
    const rows = this.#frame.reduce((n, line) => n + Math.max(1, Math.ceil(stripVTControlCharacters(line).length / columns)), 0)
    return rows === 0 ? '\r' : `\u001b[${rows}F`
  }
}
