// What has been done to a simulated organisation since it began, in order: the past of the model that tests compare with.
import type { EntityName } from './catalogue/spec.ts'

export type Operation = 'insert' | 'update' | 'delete' | 'corrupt' | 'repair' | 'hide'

export interface JournalEntry {
  readonly sequence: number
  /** ISO time with milliseconds. */
  readonly at: string
  readonly operation: Operation
  readonly entity: EntityName
  readonly id: string
  /** Who asked: a request to the API, a test, or another entry that brought this one with it. */
  readonly by: 'api' | 'test' | 'effect'
}

export class Journal {
  readonly #entries: JournalEntry[] = []
  readonly #now: () => number
  readonly #onNote: (entry: JournalEntry) => void

  constructor(now: () => number, onNote: (entry: JournalEntry) => void = () => undefined) {
    this.#now = now
    this.#onNote = onNote
  }

  get entries(): readonly JournalEntry[] {
    return this.#entries
  }

  note(operation: Operation, entity: EntityName, id: string, by: JournalEntry['by']): void {
    const at = new Date(this.#now()).toISOString()
    const entry = { sequence: this.#entries.length + 1, at, operation, entity, id, by }
    this.#entries.push(entry)
    this.#onNote(entry)
  }
}
