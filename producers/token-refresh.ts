// Refreshes the token pair of one connection: goes in who was refused what, comes out a pair that is committed. Single flight over all
// workers: whoever refreshes holds the row's lock from before the request until the new pair is committed.
// Must hold: a new pair is used only after its commit; a pair that was received is not given up before it is written down.

import type { OAuthApi } from '../adapters/core/adapter.ts'
import { ApiError } from '../adapters/core/errors.ts'
import { refreshTokens, type TokenAnswer, type TokenEndpoint } from '../adapters/core/oauth.ts'
import type { KeyRing } from '../ledger/secrets.ts'
import {
  type AccessToken,
  endAttempt,
  type LockedTokens,
  lockTokens,
  markReauthorise,
  noteAttempt,
  type TokenOwner,
} from '../ledger/tokens.ts'
import { SynclineError } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import { pause } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway, type Pool, type PoolClient, sqlState } from '../platform/postgres.ts'
import { NO_TELEMETRY, type Telemetry } from '../platform/telemetry.ts'
import { decideRefresh } from './refresh-decision.ts'
import { commitPair } from './token-commit.ts'

export interface RefreshDeps {
  readonly pool: Pool
  readonly ring: KeyRing
  readonly log: Logger
  readonly telemetry?: Telemetry | undefined
  readonly adapter: string
  readonly oauth: OAuthApi
  readonly baseUrl: string
}

const LOCK_NOT_AVAILABLE = '55P03'
const LOCKED_POLL_MS = 100
/** Whoever waits longer gives its slice up and comes again. */
const PATIENCE_MS = 25_000
const ONCE_MORE_AFTER_MS = 300
/** Refreshes of one process at a time, because each holds a connection of the pool. */
const MAX_AT_ONCE = 3

export const reauthoriseError = ({ orgId, source }: TokenOwner, reason: string): SynclineError =>
  new SynclineError('auth', `The connection ${source} of ${orgId} has to be authorised again: ${reason}`, {
    remedy: `Connect it again with: syncline org connect ${orgId} --source ${source}; paused runs then go on by themselves.`,
  })

/** Waits for its turn among those of this process. */
const createTurns = (count: number) => {
  let free = count
  const waiting: (() => void)[] = []
  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (free > 0) free--
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) free++
      else next()
    }
  }
}
const inTurn = createTurns(MAX_AT_ONCE)

type Step = { readonly token: AccessToken } | { readonly waitMs: number }

/**
 * `stale`: the newest generation that was answered with a 401; null: its time is over. Throws SynclineError('auth') when the connection
 * has to be authorised again, and an ApiError that says to come again when the vendor did not answer.
 */
export const refreshStored = async (deps: RefreshDeps, owner: TokenOwner, stale: number | null): Promise<AccessToken> => {
  const end = performance.now() + PATIENCE_MS
  for (;;) {
    const step = await inTurn(() => tryOnce(deps, owner, stale))
    if ('token' in step) return step.token
    if (performance.now() + step.waitMs > end) {
      throw new ApiError('server', `Another worker refreshes the token of ${owner.orgId}/${owner.source} and has not ended`)
    }
    await pause(step.waitMs)
  }
}

const tryOnce = async (deps: RefreshDeps, owner: TokenOwner, stale: number | null): Promise<Step> => {
  const client = await deps.pool.connect()
  let broken = false
  try {
    await client.query('begin')
    return await stepLocked(deps, owner, client, stale)
  } catch (error) {
    broken = isDatabaseAway(error)
    if (sqlState(error) === LOCK_NOT_AVAILABLE) return { waitMs: LOCKED_POLL_MS }
    throw error
  } finally {
    // Ends the transaction where it was not committed, and with it the lock.
    broken ||= await client.query('rollback').then(
      () => false,
      () => true,
    )
    client.release(broken)
  }
}

const stepLocked = async (deps: RefreshDeps, owner: TokenOwner, client: PoolClient, stale: number | null): Promise<Step> => {
  const locked = await lockTokens(client, deps.ring, owner)
  if (locked === undefined) {
    throw new SynclineError('config', `The connection ${owner.source} of ${owner.orgId} has no tokens any more.`)
  }
  const step = decideRefresh(locked, stale)
  switch (step.kind) {
    case 'use':
      return { token: locked }
    case 'wait':
      return { waitMs: Math.min(step.ms, 1_000) }
    case 'reauthorise':
      throw reauthoriseError(owner, locked.reason ?? 'the vendor refused its tokens')
    case 'refresh':
      return { token: await refreshLocked(deps, owner, client, locked) }
  }
}

const refreshLocked = async (
  deps: RefreshDeps,
  owner: TokenOwner,
  client: PoolClient,
  locked: LockedTokens,
): Promise<AccessToken> => {
  let answer = await attempt(deps, owner, locked)
  // The vendor may not have rotated it: then the old one is as good as before.
  const once = answer.kind === 'unanswered' ? answer.error : undefined
  if (once !== undefined) {
    await pause(ONCE_MORE_AFTER_MS)
    answer = await attempt(deps, owner, locked)
  }
  switch (answer.kind) {
    case 'tokens':
      return commitPair(deps, owner, client, { generation: locked.generation, pair: answer.tokens, at: locked.at })
    case 'refused':
      throw await refused(deps, owner, client, { locked, answer, lost: once !== undefined || locked.attempt !== null })
    default:
      throw answer.error
  }
}

/** One request. It is noted before it is sent, and its end unless that is a new pair, which says it by itself. */
const attempt = async (deps: RefreshDeps, owner: TokenOwner, locked: LockedTokens): Promise<TokenAnswer> => {
  const { pool, log, telemetry = NO_TELEMETRY, adapter, oauth: api, baseUrl } = deps
  await noteAttempt(pool, owner, locked.generation)
  const endpoint: TokenEndpoint = { api, baseUrl, app: locked }
  const answer = await refreshTokens(endpoint, locked.refreshToken).then(throughFailpoint)
  telemetry.add('syncline_token_refreshes_total', { adapter, outcome: answer.kind }, 1)
  if (answer.kind !== 'unanswered' && answer.kind !== 'later') return answer
  log.warn({ org: owner.orgId, source: owner.source, reason: answer.error.message }, 'token refresh not answered')
  await endAttempt(pool, owner, locked.generation)
  return answer
}

const throughFailpoint = async (answer: TokenAnswer): Promise<TokenAnswer> => {
  const lost = () => new ApiError('network', 'The connection was lost by a failpoint.')
  try {
    await failpoint('token.after-answer', lost)
    return answer
  } catch (error) {
    if (error instanceof ApiError) return { kind: 'unanswered', error }
    throw error
  }
}

interface Refusal {
  readonly locked: LockedTokens
  readonly answer: Extract<TokenAnswer, { kind: 'refused' }>
  /** An attempt before this one had no answer: the vendor may have rotated the token then. */
  readonly lost: boolean
}

const refused = async (
  { log }: RefreshDeps,
  owner: TokenOwner,
  client: PoolClient,
  { locked, answer, lost }: Refusal,
): Promise<SynclineError> => {
  const reason = lost ? `the answer to a refresh was lost, and then ${answer.reason}` : answer.reason
  const paused = await markReauthorise(client, owner, locked.generation, reason)
  await client.query('commit')
  log.error(
    {
      org: owner.orgId,
      source: owner.source,
      code: 'auth',
      reason,
      paused,
      next: `syncline org connect ${owner.orgId} --source ${owner.source}`,
    },
    'connection has to be authorised again',
  )
  return reauthoriseError(owner, reason)
}
