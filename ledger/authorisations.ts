// Authorisations under way: the `state` that goes out with a URL and must come back with the callback. Good once, for ten minutes by
// PostgreSQL's clock, for the connection that it was made for; stored hashed.
import { createHash } from 'node:crypto'
import type { Queryable } from '../platform/postgres.ts'
import type { TokenOwner } from './tokens.ts'

const hashOf = (state: string): Buffer => createHash('sha256').update(state).digest()

/** Resolves to when it expires. */
export const beginAuthorisation = async (client: Queryable, { orgId, source }: TokenOwner, state: string): Promise<Date> => {
  await client.query("delete from sync.authorisations where expires_at < now() - interval '1 day'")
  const { rows } = await client.query<{ expires_at: Date }>(
    'insert into sync.authorisations (state_hash, org_id, source) values ($1, $2, $3) returning expires_at',
    [hashOf(state), orgId, source],
  )
  return rows[0]?.expires_at ?? new Date(0)
}

/** taken: it was good, and is not any more. foreign: it was not made here for this connection. */
export type StateOutcome = 'taken' | 'foreign' | 'expired' | 'reused'

export const takeState = async (client: Queryable, { orgId, source }: TokenOwner, state: string): Promise<StateOutcome> => {
  const { rowCount } = await client.query(
    `update sync.authorisations set used_at = now()
     where state_hash = $1 and org_id = $2 and source = $3 and used_at is null and expires_at > now()`,
    [hashOf(state), orgId, source],
  )
  if (rowCount === 1) return 'taken'
  const { rows } = await client.query<{ used: boolean }>(
    'select used_at is not null as used from sync.authorisations where state_hash = $1 and org_id = $2 and source = $3',
    [hashOf(state), orgId, source],
  )
  if (rows[0] === undefined) return 'foreign'
  return rows[0].used ? 'reused' : 'expired'
}

/** For the metrics: a closed list, never what came in. */
export type RefusedAuthorisation = Exclude<StateOutcome, 'taken'> | 'denied' | 'code' | 'account'

export const noteRefusedAuthorisation = async (client: Queryable, reason: RefusedAuthorisation): Promise<void> => {
  await client.query(
    `insert into sync.refused_authorisations as r (reason, times) values ($1, 1) on conflict (reason) do update set times = r.times + 1`,
    [reason],
  )
}
