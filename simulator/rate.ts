// The vendor's limit: at most `limit` requests of one credential in any period, by their times of arrival. Refused requests count
// too, as at the vendor, so who does not slow down stays out.

export interface Rate {
  readonly limit: number
  readonly periodSeconds: number
}

export interface Arrival {
  /** Requests in the window, this one included. */
  readonly count: number
  readonly limit: number
  readonly refused: boolean
  /** Whole seconds after which a single request would pass. */
  readonly retryAfterSeconds: number
}

/** `100/20` is a hundred requests in twenty seconds. Undefined for anything else. */
export const readRate = (text: string): Rate | undefined => {
  const [, limit, period] = /^([1-9]\d*)\/([1-9]\d*(?:\.\d+)?|0?\.\d*[1-9]\d*)$/.exec(text) ?? []
  return limit === undefined ? undefined : { limit: Number(limit), periodSeconds: Number(period) }
}

/** Offsets beyond this make the vendor answer fewer: 75 where it is 100. */
const DEEP_OFFSET = 30_000
const DEEP_SHARE = 0.75

export const limitAt = ({ limit }: Rate, offset: number): number =>
  offset > DEEP_OFFSET ? Math.max(1, Math.floor(limit * DEEP_SHARE)) : limit

export class RateWindow {
  readonly #rate: Rate
  /** Times of arrival, oldest first; those before `#from` have left the window. */
  #times: number[] = []
  #from = 0
  /** The most requests that were in the window at once. */
  max = 0
  /** Requests above the limit. */
  violations = 0

  constructor(rate: Rate) {
    this.#rate = rate
  }

  /** `nowMs` must not run backwards. */
  arrive(nowMs: number, limit: number): Arrival {
    const periodMs = this.#rate.periodSeconds * 1000
    while ((this.#times[this.#from] ?? nowMs) <= nowMs - periodMs) this.#from += 1
    if (this.#from > 1024 && this.#from * 2 > this.#times.length) this.#compact()
    this.#times.push(nowMs)
    const count = this.#times.length - this.#from
    const refused = count > limit
    this.max = Math.max(this.max, count)
    if (refused) this.violations += 1
    const leaver = this.#times[this.#from + count - limit] ?? nowMs
    return { count, limit, refused, retryAfterSeconds: Math.max(1, Math.ceil((leaver + periodMs - nowMs) / 1000)) }
  }

  #compact(): void {
    this.#times = this.#times.slice(this.#from)
    this.#from = 0
  }
}
