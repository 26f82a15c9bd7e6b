// One page fetched without services: the API's answers go in by `send`, what becomes of a page comes out.
import type { ApiRequest, ApiResponse, Walk } from '../../../adapters/core/adapter.ts'
import { pco } from '../../../adapters/pco/pco.ts'
import type { Json, RangeSpec } from '../../../manifests/walk.ts'
import type { VendorConnection } from '../../../producers/connections.ts'
import { fetchPage, type PageResult } from '../../../producers/page.ts'

export interface Fetching extends Pick<VendorConnection, 'account' | 'rules'> {
  readonly walk: Walk
  readonly spec: RangeSpec
  readonly send: (request: ApiRequest) => Promise<ApiResponse>
  /** Default: the walk's beginning. */
  readonly cursor?: Json
}

/** There is always a permit, and no limiter to be asked for one. */
export const fetched = ({ walk, spec, send, cursor = walk.start, account, rules }: Fetching): Promise<PageResult> =>
  fetchPage(
    {
      ...{ walk, spec, now: () => 0, permitDeadline: Number.MAX_VALUE, workClass: 'live', failures: 0 },
      signal: new AbortController().signal,
      limiter: {
        acquire: () => Promise.reject(new Error('the connection asks')),
        settle: async () => undefined,
        release: async () => undefined,
        announce: async () => undefined,
      },
      vendor: {
        ...{ adapter: pco, limiterKey: 'key', account, rules },
        api: { send, close: async () => undefined },
        auth: { headers: async () => ({}), refresh: async () => false },
        permit: async () => ({ permit: { id: 'p', expiresAt: Number.MAX_VALUE } }),
      },
    },
    cursor,
  )
