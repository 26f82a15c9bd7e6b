// Waiting for a permit within a slice's time: a deadline goes in; a permit comes out, or when to come back.
import { setTimeout as sleep } from 'node:timers/promises'
import type { Acquired, AcquireOptions, Limiter } from './limiter.ts'

export interface WaitOptions extends AcquireOptions {
  /** Milliseconds of `performance.now()`; a wait that would pass it is not begun. */
  readonly deadline: number
  readonly signal?: AbortSignal
  /** Is told of each wait, in milliseconds. */
  readonly onWait?: ((ms: number) => void) | undefined
}

/** Throws SynclineError('unavailable') without Redis, and AbortError when `signal` is aborted while waiting. */
export const waitForPermit = async (limiter: Limiter, credential: string, options: WaitOptions): Promise<Acquired> => {
  let acquired = await limiter.acquire(credential, options)
  // Once said, `neverUsed` is not repeated: Redis may have been used and restarted while we slept.
  while (acquired.kind === 'wait' && performance.now() + acquired.retryAfterMs < options.deadline) {
    options.onWait?.(acquired.retryAfterMs)
    await sleep(acquired.retryAfterMs, undefined, options.signal ? { signal: options.signal } : {})
    const { policy, workClass = 'live' } = options
    acquired = await limiter.acquire(credential, { policy, workClass })
  }
  return acquired
}
