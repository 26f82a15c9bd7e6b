// One request to a vendor before a run begins: it tells a wrong URL, a network problem, a refused credential, one of another account and a
// missing permission apart. It takes a permit like every other request.
import type { ApiRequest, ApiResponse } from '../adapters/core/adapter.ts'
import { SynclineError } from '../platform/errors.ts'
import type { VendorConnection } from './connections.ts'
import { observedIn } from './exchange.ts'
import type { Limiter } from './limiter/limiter.ts'

const MAX_WAIT_MS = 60_000

/** Probes the first entity that answers for itself. Throws the ApiError, what the account guard does, or 'rate-limit' when no permit came in a minute. */
export const probeVendor = async (
  vendor: VendorConnection,
  limiter: Limiter,
  entities: readonly string[],
  onWait: (message: string) => void,
): Promise<void> => {
  const send = (request: ApiRequest) => sendOnce(vendor, limiter, request, onWait)
  await vendor.account.compare(send)
  const entity = entities.find((name) => vendor.adapter.manifest.get(name).endpoints.list !== undefined)
  await send(vendor.adapter.probe(entity ?? vendor.adapter.manifest.definitions[0]?.entity ?? ''))
}

const sendOnce = async (
  vendor: VendorConnection,
  limiter: Limiter,
  request: ApiRequest,
  onWait: (message: string) => void,
): Promise<ApiResponse> => {
  const signal = AbortSignal.timeout(MAX_WAIT_MS)
  let acquired = await vendor.permit(performance.now() + 1_000, signal)
  if (!('permit' in acquired)) {
    onWait(`Waiting up to ${Math.ceil(acquired.retryAfterMs / 1000)} s for the vendor's rate limit.`)
    acquired = await vendor.permit(performance.now() + MAX_WAIT_MS, signal)
  }
  if (!('permit' in acquired)) {
    throw new SynclineError('rate-limit', 'The rate limit of this credential left no room for a request in a minute.', {
      remedy: 'Try again later; something else is using the credential.',
    })
  }
  const { permit } = acquired
  try {
    const response = await vendor.api.send(request)
    await limiter.settle(vendor.limiterKey, permit, response.rate)
    return response
  } catch (error) {
    await limiter.settle(vendor.limiterKey, permit, observedIn(error, vendor.adapter.limit.periodMs))
    throw error
  }
}
