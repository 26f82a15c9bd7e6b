// Keeps one process to a vendor's limit: in go what the vendor says of its window, out come permits as slots free. For whoever uses a
// client alone; the workers of an installation share theirs (producers/limiter).
import type { RateObservation } from './adapter.ts'

export interface Pace {
  /** Resolves when the next request may be sent; in the order asked. Who has been aborted by then gets none: rejects with the reason. */
  permit(signal?: AbortSignal): Promise<void>
  /** To be told of every answer and failure; empty when the vendor did not answer. */
  observe(rate: RateObservation): void
}

interface Window {
  requests: number
  periodMs: number
}

/** `limit`: the usual one, until headers name another. Each permit is to be followed by one `observe`. */
export const createPace = (limit: Readonly<Window>, now: () => number = () => performance.now()): Pace => {
  const window: Window = { ...limit }
  /** When each request was last known to be under way, oldest first: the vendor counted it no later. */
  const answered: number[] = []
  let underWay = 0
  let blockedUntil = 0
  let last: Promise<void> = Promise.resolve()
  let wake: (() => void) | undefined

  const freeInMs = (): number => {
    const at = now()
    while (answered[0] !== undefined && answered[0] <= at - window.periodMs) answered.shift()
    if (blockedUntil > at) return blockedUntil - at
    if (answered.length + underWay < window.requests) return 0
    // With all of them under way, an answer is waited for.
    return answered[0] === undefined ? window.periodMs : answered[0] + window.periodMs - at
  }

  const wait = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        wake = undefined
        resolve()
      }
      const timer = setTimeout(done, Math.ceil(ms))
      wake = done
    })

  const take = async (signal: AbortSignal | undefined): Promise<void> => {
    const stop = (): void => wake?.()
    signal?.addEventListener('abort', stop)
    try {
      for (let ms = freeInMs(); ms > 0 && signal?.aborted !== true; ms = freeInMs()) await wait(ms)
      signal?.throwIfAborted()
      underWay++
    } finally {
      signal?.removeEventListener('abort', stop)
    }
  }

  return {
    permit: (signal) => {
      const taken = last.then(() => take(signal))
      last = taken.catch(() => {})
      return taken
    },
    observe: (rate) => {
      const at = now()
      underWay = Math.max(0, underWay - 1)
      answered.push(at)
      window.requests = Math.max(1, rate.limit ?? window.requests)
      window.periodMs = rate.periodMs ?? window.periodMs
      // Somebody else uses the credential, too.
      for (let ours = answered.length + underWay; ours < Math.min(rate.count ?? 0, window.requests); ours++) answered.push(at)
      if (rate.retryAfterMs !== undefined) blockedUntil = Math.max(blockedUntil, at + rate.retryAfterMs)
      wake?.()
    },
  }
}
