// Keeps the data of two accounts apart: the account that an answer names goes in, and an error comes out when the rows of the source are
// another's. A reconciliation would take those for gone.
import { accountOf } from '../ledger/accounts.ts'
import type { SourceName } from '../ledger/source-health.ts'
import { SynclineError } from '../platform/errors.ts'
import type { Queryable } from '../platform/postgres.ts'

/** Throws SynclineError('auth'). Asks PostgreSQL once. */
export type AccountGuard = (account: string) => Promise<void>

export const createAccountGuard = (client: Queryable, { orgId, source }: SourceName, onForeign?: () => void): AccountGuard => {
  let known: string | undefined
  return async (account) => {
    known ??= await accountOf(client, { orgId, source }, account)
    if (known === account) return
    onForeign?.()
    throw new SynclineError(
      'auth',
      `The credential of ${orgId}/${source} is for account ${account}, and its rows are those of account ${known}`,
      {
        remedy: `Connect it with one of account ${known}, or connect ${account} as a source of its own: --source NAME`,
      },
    )
  }
}
