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

/** Where a pair is kept. Processes that share one take what another has stored; two of them must not refresh in the same moment. */
export interface TokenStore {
  /** Asked at the beginning and before each refresh. */
  load(): Promise<StoredTokens>
  /**
   * Must not resolve before the pair would survive the process: the one before is worth nothing any more. When it fails, the pair is
   * saved again with the next request, and not used before.
   */
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

/** Throws ApiError('auth') when the vendor refuses to refresh: the account is to be connected again. */
export const refreshingTokens = (endpoint: TokenEndpoint, store: TokenStore, now: () => number = Date.now): AuthProvider => {
  let current: StoredTokens | undefined
  let refreshAt = Number.POSITIVE_INFINITY
  let refreshing: Promise<void> | undefined
  /** Could not be saved yet; the pair in the store is worth nothing any more. */
  let unsaved: StoredTokens | undefined

  const keep = (tokens: StoredTokens): void => {
    current = tokens
    const left = (tokens.expiresAt ?? Number.POSITIVE_INFINITY) - now()
    refreshAt = now() + Math.max(left - AHEAD_MS, left / 2)
  }

  const read = async (): Promise<StoredTokens> => {
    // A store that is not written in TypeScript may find nothing.
    const stored: StoredTokens | null | undefined = await asking('give its tokens', () => store.load())
    if (!stored) throw new SynclineError('config', 'The token store holds no tokens', { remedy: 'Connect the account first.' })
    keep(stored)
    return stored
  }
  const load = async (): Promise<StoredTokens> => current ?? read()

  const save = async (tokens: StoredTokens): Promise<void> => {
    unsaved = tokens
    await asking('keep new tokens', () => store.save(tokens))
    unsaved = undefined
    keep(tokens)
  }

  const renew = async (): Promise<void> => {
    if (unsaved !== undefined) return save(unsaved)
    const before = (await load()).accessToken
    const stored = await read()
    // Another process has refreshed them.
    if (stored.accessToken !== before && now() < refreshAt) return
    await exchange(stored.refreshToken)
  }

  const exchange = async (refreshToken: string): Promise<void> => {
    const answer = await ask(endpoint, refreshToken)
    if (answer.kind === 'refused') {
      throw new ApiError('auth', `The tokens could not be refreshed: ${answer.reason}`, {
        remedy: 'Connect the account again: somebody has to consent.',
      })
    }
    if (answer.kind !== 'tokens') throw answer.error
    const { accessToken, refreshToken: next, expiresInSeconds } = answer.tokens
    await save({ accessToken, refreshToken: next, expiresAt: now() + expiresInSeconds * 1000 })
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
      const mayGoOn = () => unsaved === undefined && now() < expiresAt
      // While it is still good, a refresh that fails is tried again with the next request.
      if (unsaved !== undefined || now() >= refreshAt) {
        await renewOnce().catch((error: unknown) => !mayGoOn() && Promise.reject(error))
      }
      return { authorization: `Bearer ${(await load()).accessToken}` }
    },
    refused: ({ authorization }) => {
      // One that comes late is of a pair that is no more: what was said of the present one stands.
      if (authorization === `Bearer ${current?.accessToken}`) refused = authorization
    },
    refresh: async () => {
      // Another request may have refreshed since this one was sent.
      if (refused === `Bearer ${(await load()).accessToken}`) await renewOnce()
      return true
    },
  }
}

/** The store is the caller's: what it throws is no answer of the vendor, and is not tried again. */
const asking = async <T>(what: string, act: () => Promise<T>): Promise<T> => {
  try {
    return await act()
  } catch (cause) {
    throw new SynclineError('unavailable', `The token store could not ${what}`, {
      cause,
      remedy: 'Its own error is the cause of this one.',
    })
  }
}

/** An answer may be lost although it was carried out, or not: the old token is tried once more. Told to come later, it is not at once. */
const ask = async (endpoint: TokenEndpoint, refreshToken: string): Promise<TokenAnswer> => {
  const answer = await refreshTokens(endpoint, refreshToken)
  return answer.kind === 'unanswered' ? refreshTokens(endpoint, refreshToken) : answer
}
