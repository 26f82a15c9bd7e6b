// A pair of OAuth tokens that refreshes itself, for whoever uses a client alone: before it expires, and after a 401. Must hold: one refresh
// at a time, because a refresh token is good once; the new pair is stored before it is used.
import { SynclineError } from '../../platform/errors.ts'
import type { AuthProvider } from './adapter.ts'
import { ApiError } from './errors.ts'
import { refreshTokens, type TokenAnswer, type TokenEndpoint } from './oauth.ts'

/** A pair of tokens as it is kept between runs. */
export interface StoredTokens {
  readonly accessToken: string
  readonly refreshToken: string
  /** Milliseconds since 1970; absent: used until it is refused. */
  readonly expiresAt?: number
}

/** Where a pair is kept. Of several processes that share one, only one may refresh at a time: that is the store's to see to. */
export interface TokenStore {
  load(): Promise<StoredTokens>
  /** Must not resolve before the pair would survive the process: the one before is worth nothing any more. */
  save(tokens: StoredTokens): Promise<void>
}

/** In the memory of this process. A refresh token is good once: with the process the connection is lost, after the first refresh. */
export const memoryTokens = (tokens: StoredTokens): TokenStore => {
  let kept = tokens
  return {
    load: async () => kept,
    save: async (next) => {
      kept = next
    },
  }
}

/** So long before its end a token is refreshed, and no earlier than halfway. */
const AHEAD_MS = 5 * 60_000
/** An answer may be lost although it was carried out, or not: the old token is tried once more. */
const TRIES = 2

/** Throws ApiError('auth') when the vendor refuses to refresh: the account is to be connected again. */
export const refreshingTokens = (endpoint: TokenEndpoint, store: TokenStore, now: () => number = Date.now): AuthProvider => {
  let current: StoredTokens | undefined
  let refreshAt = Number.POSITIVE_INFINITY
  let refreshing: Promise<void> | undefined

  const keep = (tokens: StoredTokens): void => {
    current = tokens
    const left = (tokens.expiresAt ?? Number.POSITIVE_INFINITY) - now()
    refreshAt = now() + Math.max(left - AHEAD_MS, left / 2)
  }

  const load = async (): Promise<StoredTokens> => {
    if (current === undefined) keep(await store.load())
    if (current === undefined) throw new SynclineError('config', 'The token store holds no tokens')
    return current
  }

  const renew = async (): Promise<void> => {
    const { refreshToken } = await load()
    const answer = await ask(endpoint, refreshToken)
    if (answer.kind === 'refused') {
      throw new ApiError('auth', `The tokens could not be refreshed: ${answer.reason}`, {
        remedy: 'Connect the account again: somebody has to consent.',
      })
    }
    if (answer.kind !== 'tokens') throw answer.error
    const { accessToken, refreshToken: next, expiresInSeconds } = answer.tokens
    const tokens = { accessToken, refreshToken: next, expiresAt: now() + expiresInSeconds * 1000 }
    await store.save(tokens)
    keep(tokens)
  }

  const renewOnce = (): Promise<void> => {
    refreshing ??= renew().finally(() => {
      refreshing = undefined
    })
    return refreshing
  }

  let refused: string | undefined
  return {
    headers: async () => {
      const { expiresAt = Number.POSITIVE_INFINITY } = await load()
      // While it is still good, a refresh that fails is tried again with the next request.
      if (now() >= refreshAt) await renewOnce().catch((error: unknown) => now() >= expiresAt && Promise.reject(error))
      return { authorization: `Bearer ${(await load()).accessToken}` }
    },
    refused: ({ authorization }) => {
      refused = authorization
    },
    refresh: async () => {
      // Another request may have refreshed since this one was sent.
      if (refused === `Bearer ${(await load()).accessToken}`) await renewOnce()
      return true
    },
  }
}

const ask = async (endpoint: TokenEndpoint, refreshToken: string): Promise<TokenAnswer> => {
  let answer = await refreshTokens(endpoint, refreshToken)
  for (let tries = 1; tries < TRIES && (answer.kind === 'unanswered' || answer.kind === 'later'); tries++) {
    answer = await refreshTokens(endpoint, refreshToken)
  }
  return answer
}
