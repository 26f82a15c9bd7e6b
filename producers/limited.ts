// A vendor's connection for whoever asks outside of a range: every send waits for a permit of the window that the fetchers share, so
// the vendor's limit holds for all together (invariant 7). Waits as long as it takes; a signal ends it.
import type { ApiConnection, ApiRequest, ApiResponse, SendOptions } from '../adapters/core/adapter.ts'
import { pause } from '../platform/lifecycle.ts'
import type { VendorConnection } from './connections.ts'
import { observedIn } from './exchange.ts'
import { isUsable, type Limiter, type Permit } from './limiter/limiter.ts'

const PERMIT_WAIT_MS = 5_000

/** `onWait` is told how long the limiter says to wait, when it is long. */
export const limitedConnection = (vendor: VendorConnection, limiter: Limiter, onWait: (ms: number) => void): ApiConnection => {
  const never = new AbortController().signal

  const permit = async (signal: AbortSignal): Promise<Permit> => {
    for (;;) {
      signal.throwIfAborted()
      const acquired = await vendor.permit(performance.now() + PERMIT_WAIT_MS, signal)
      if (!('permit' in acquired)) {
        onWait(acquired.retryAfterMs)
        await pause(acquired.retryAfterMs, signal)
      } else if (isUsable(acquired.permit)) return acquired.permit
      else await limiter.release(vendor.limiterKey, acquired.permit)
    }
  }

  const send = async (request: ApiRequest, options: SendOptions = {}): Promise<ApiResponse> => {
    const granted = await permit(options.signal ?? never)
    try {
      const response = await vendor.api.send(request, options)
      await limiter.settle(vendor.limiterKey, granted, response.rate)
      return response
    } catch (error) {
      await limiter.settle(vendor.limiterKey, granted, observedIn(error, vendor.adapter.limit.periodMs))
      throw error
    }
  }
  return { send, close: () => vendor.api.close() }
}
