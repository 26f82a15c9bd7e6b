// What to do about a token pair, by what its row says under its lock: pure. The row is all that is known, because whoever tried before may
// be dead, frozen, or still waiting for PostgreSQL to take what the vendor has answered.
import type { LockedTokens } from '../ledger/tokens.ts'

export type RefreshStep =
  /** Somebody has refreshed it. */
  | { readonly kind: 'use' }
  | { readonly kind: 'refresh' }
  /** Whoever sent the last attempt may yet write down its answer. */
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'reauthorise' }

/**
 * So long an attempt without an end is left alone: longer than a request may take and its answer to be written down. The time does not
 * count while PostgreSQL was down.
 */
export const ATTEMPT_GRACE_MS = 20_000

type Facts = Pick<LockedTokens, 'state' | 'generation' | 'freshMs' | 'attempt'>

/** `stale`: the newest generation that the vendor has answered with a 401; null: none was, its time is over. */
export const decideRefresh = ({ state, generation, freshMs, attempt }: Facts, stale: number | null): RefreshStep => {
  if (state === 'reauthorise') return { kind: 'reauthorise' }
  if (stale === null ? freshMs > 0 : generation > stale) return { kind: 'use' }
  if (attempt?.outcome === 'sent' && attempt.agoMs < ATTEMPT_GRACE_MS) {
    return { kind: 'wait', ms: ATTEMPT_GRACE_MS - attempt.agoMs }
  }
  // Never tried, or without an answer: the vendor may not have rotated it, so the old token is tried (once more).
  return { kind: 'refresh' }
}
