// A new token pair on its way into PostgreSQL: goes in what the vendor has answered, comes out what is committed. Must hold: a pair that was
// received is not given up, whatever becomes of the session that held the lock.
import type { KeyRing } from '../ledger/secrets.ts'
import { type AccessToken, readAccessToken, saveTokens, type TokenOwner, type TokenPair } from '../ledger/tokens.ts'
import { messageOf, SynclineError } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import { backoffMs, pause } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { inTransaction, type Pool, type PoolClient } from '../platform/postgres.ts'

interface CommitDeps {
  readonly pool: Pool
  readonly ring: KeyRing
  readonly log: Logger
}

const MAX_RESCUE_MS = 10 * 60_000

export interface NewPair {
  readonly generation: number
  readonly pair: TokenPair
  readonly at: Date
}

/** Ends the transaction of `client`, in which the row is locked. */
export const commitPair = async (
  deps: CommitDeps,
  owner: TokenOwner,
  client: PoolClient,
  pair: NewPair,
): Promise<AccessToken> => {
  const { pool, ring, log } = deps
  try {
    await saveTokens(client, ring, owner, pair)
    await client.query('commit')
    await failpoint('token.after-save')
  } catch (error) {
    log.warn(
      { org: owner.orgId, source: owner.source, reason: messageOf(error) },
      'new token pair not known to be saved, trying again',
    )
    // A lock that this session may still have would be waited for.
    await client.query('rollback').catch(() => undefined)
    await rescue(deps, owner, pair)
  }
  const saved = await readAccessToken(pool, ring, owner)
  if (saved !== undefined && saved.generation > pair.generation) return saved
  throw new SynclineError('internal', `The new tokens of ${owner.orgId}/${owner.source} are not there after they were saved.`)
}

/** The lock may be gone, and another may be about to try the old token: the pair is written over its own generation or not at all. */
const rescue = async ({ pool, ring, log }: CommitDeps, owner: TokenOwner, pair: NewPair): Promise<void> => {
  const end = performance.now() + MAX_RESCUE_MS
  for (let attempts = 0; ; attempts++) {
    try {
      const saved = await inTransaction(pool, (client) => saveTokens(client, ring, owner, pair))
      log.info({ org: owner.orgId, source: owner.source, saved }, saved ? 'new token pair saved' : 'tokens were newer already')
      return
    } catch (error) {
      if (performance.now() > end) throw error
      await pause(backoffMs(attempts, { baseMs: 50, maxMs: 500 }))
    }
  }
}
