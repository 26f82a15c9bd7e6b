// The credential of a connection by OAuth, for the slices of one process: headers of the newest token that it knows; reads and refreshes
// when that is about to expire or was refused. Times are those that PostgreSQL said, carried on by the monotonic clock.
import type { AuthProvider } from '../adapters/core/adapter.ts'
import { ApiError } from '../adapters/core/errors.ts'
import { type AccessToken, markReauthorise, readAccessToken, type TokenOwner } from '../ledger/tokens.ts'
import { SynclineError } from '../platform/errors.ts'
import { inTransaction } from '../platform/postgres.ts'
import { type RefreshDeps, reauthoriseError, refreshStored } from './token-refresh.ts'

export interface StoredTokens extends AuthProvider {
  prepare(): Promise<void>
  /** The vendor refuses what it has just given: the connection is marked and its runs are paused. */
  reauthorise(reason: string): Promise<void>
}

type Headers = Readonly<Record<string, string>>

interface Held {
  readonly headers: Headers
  readonly generation: number
  /** By performance.now(). */
  readonly freshUntil: number
}

/** A refresh that was not answered is tried again after this, as long as the token is good. */
const AGAIN_MS = 5_000
/** Of a token that is refreshed at once, or it would be for ever. */
const LEAST_MS = 250

export const createStoredTokens = (deps: RefreshDeps, owner: TokenOwner): StoredTokens => {
  const { pool, ring, log } = deps
  const generations = new WeakMap<Headers, number>()
  let held: Held | undefined
  let refusedGeneration = 0
  let loading: Promise<void> | undefined

  const hold = ({ accessToken, generation }: AccessToken, freshMs: number): void => {
    const headers = { authorization: `Bearer ${accessToken}` }
    generations.set(headers, generation)
    held = { headers, generation, freshUntil: performance.now() + Math.max(freshMs, LEAST_MS) }
  }

  const read = async (): Promise<AccessToken> => {
    const token = await readAccessToken(pool, ring, owner)
    if (token === undefined) {
      throw new SynclineError('config', `The connection ${owner.source} of ${owner.orgId} has no tokens.`, {
        remedy: `Connect it with: syncline org connect ${owner.orgId} --source ${owner.source}`,
      })
    }
    if (token.state === 'connected') return token
    throw reauthoriseError(owner, token.reason ?? 'the vendor refused its tokens')
  }

  const load = async (stale: number | null): Promise<void> => {
    const token = await read()
    if (stale === null ? token.freshMs > 0 : token.generation > stale) return hold(token, token.freshMs)
    try {
      const refreshed = await refreshStored(deps, owner, stale)
      hold(refreshed, refreshed.freshMs)
    } catch (error) {
      // Before its end a token is as good as ever.
      if (stale !== null || !(error instanceof ApiError) || token.usableMs <= 0) throw error
      hold(token, Math.min(AGAIN_MS, token.usableMs))
    }
  }

  const ensure = async (): Promise<void> => {
    for (;;) {
      const stale = held !== undefined && held.generation <= refusedGeneration ? refusedGeneration : null
      if (held !== undefined && stale === null && performance.now() < held.freshUntil) return
      loading ??= load(stale).finally(() => {
        loading = undefined
      })
      await loading
    }
  }

  return {
    prepare: ensure,
    headers: async () => {
      if (held === undefined) await ensure()
      return held?.headers ?? {}
    },
    refused: (headers) => {
      refusedGeneration = Math.max(refusedGeneration, generations.get(headers) ?? 0)
    },
    refresh: async () => {
      await ensure()
      return true
    },
    reauthorise: async (reason) => {
      // Of what it holds; where it holds nothing it was the row that said so.
      const generation = held?.generation ?? (await readAccessToken(pool, ring, owner))?.generation
      if (generation === undefined) return
      const paused = await inTransaction(pool, (client) => markReauthorise(client, owner, generation, reason))
      if (paused.length > 0)
        log.error(
          { org: owner.orgId, source: owner.source, code: 'auth', reason, paused },
          'runs paused, their connection has to be authorised again',
        )
    },
  }
}
