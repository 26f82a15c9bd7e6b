// What a simulator was asked, counted: by path, and by credential with how near it came to the limit.
import { type Arrival, limitAt, type Rate, RateWindow } from './rate.ts'

export interface CredentialStats {
  readonly calls: number
  /** The most requests in any one window; 0 when there is no limit. */
  readonly maxInWindow: number
  /** Requests that were above the limit. */
  readonly violations: number
}

export interface Stats {
  readonly calls: number
  readonly violations: number
  readonly maxInWindow: number
  /** By method and path, ids replaced: `GET /people/v2/people/{id}/emails`. */
  readonly byPath: Readonly<Record<string, number>>
  readonly byStatus: Readonly<Record<string, number>>
  readonly byCredential: Readonly<Record<string, CredentialStats>>
}

export class Meter {
  readonly #rate: Rate | undefined
  readonly #windows = new Map<string, RateWindow>()
  readonly #calls = new Map<string, number>()
  readonly #paths = new Map<string, number>()
  readonly #statuses = new Map<string, number>()

  constructor(rate: Rate | undefined) {
    this.#rate = rate
  }

  /** Counts a request of a known credential; undefined when there is no limit. */
  arrive(credential: string, nowMs: number, offset: number): Arrival | undefined {
    add(this.#calls, credential)
    if (this.#rate === undefined) return undefined
    const window = this.#windows.get(credential) ?? new RateWindow(this.#rate)
    this.#windows.set(credential, window)
    return window.arrive(nowMs, limitAt(this.#rate, offset))
  }

  answered(method: string, pathname: string, status: number): void {
    add(this.#paths, `${method} ${pathname.replaceAll(/\/\d+(?=\/|$)/g, '/{id}')}`)
    add(this.#statuses, String(status))
  }

  read(): Stats {
    const windows = [...this.#windows.values()]
    const credentials = [...this.#calls].map(([name, calls]): [string, CredentialStats] => {
      const window = this.#windows.get(name)
      return [name, { calls, maxInWindow: window?.max ?? 0, violations: window?.violations ?? 0 }]
    })
    return {
      calls: [...this.#statuses.values()].reduce((sum, calls) => sum + calls, 0),
      violations: windows.reduce((sum, { violations }) => sum + violations, 0),
      maxInWindow: Math.max(0, ...windows.map(({ max }) => max)),
      byPath: Object.fromEntries(this.#paths),
      byStatus: Object.fromEntries(this.#statuses),
      byCredential: Object.fromEntries(credentials),
    }
  }
}

const add = (counts: Map<string, number>, name: string): void => {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
