// Keeps the data of two accounts apart: asks the API whose the credential of a connection is, once, and lets nothing in when the rows of the
// source are another's. A reconciliation would take those for gone, and ids of two accounts may be the same.
import type { ApiRequest, ApiResponse, Identity } from '../adapters/core/adapter.ts'
import { identify } from '../adapters/core/identity.ts'
import { claimAccount, noteCredentialAccount } from '../ledger/accounts.ts'
import type { OpenedConnection } from '../ledger/organisations.ts'
import type { SourceName } from '../ledger/source-health.ts'
import { SynclineError } from '../platform/errors.ts'
import type { Queryable } from '../platform/postgres.ts'

export interface AccountGuard {
  /**
   * Before anything is asked for: the account, or null if it is not told. Throws SynclineError('auth') or ('permission') when the rows are
   * not known to be its; and what `send` throws, which is called where nobody has asked for this credential before.
   */
  compare(send: (request: ApiRequest) => Promise<ApiResponse>): Promise<string | null>
  /** Before records are taken in: they, and all that follow, are this account's. Throws as `compare` does, and was called before. */
  takeIn(): Promise<void>
}

/** What is wrong when a credential of `told` is to bring what belongs to `rows`; null: not known. Undefined: nothing is. */
export const accountProblem = (
  { orgId, source }: SourceName,
  told: string | null,
  rows: string | null,
): SynclineError | undefined => {
  if (rows === null || told === rows) return undefined
  const forget = `if nothing of account ${rows} is to stay, forget it first: syncline org forget ${orgId} --yes`
  return told === null
    ? new SynclineError(
        'permission',
        `The credential of ${orgId}/${source} does not tell whose it is, and its rows are those of account ${rows}`,
        { remedy: `Give its user access to what tells the account (at Planning Center: People); or, ${forget}` },
      )
    : new SynclineError(
        'auth',
        `The credential of ${orgId}/${source} is for account ${told}, and its rows are those of account ${rows}`,
        {
          remedy: `Connect it with one of account ${rows}; or connect ${told} as a source of its own: --source NAME; or, ${forget}`,
        },
      )
}

export const createAccountGuard = (
  client: Queryable,
  { connection, limitKey, accounts }: Pick<OpenedConnection, 'connection' | 'limitKey' | 'accounts'>,
  identity: Identity | undefined,
): AccountGuard => {
  let { credential: told, rows } = accounts
  let isCompared = false

  const requireSame = (): void => {
    const problem = accountProblem(connection, told, rows)
    if (problem !== undefined) throw problem
  }

  return {
    compare: async (send) => {
      if (isCompared) return told
      if (told === null) {
        const owner = await identify(identity, send)
        if (owner !== null) await noteCredentialAccount(client, connection, limitKey, owner.account)
        told = owner?.account ?? null
      }
      requireSame()
      isCompared = true
      return told
    },
    takeIn: async () => {
      if (told !== null) rows ??= await claimAccount(client, connection, told)
      requireSame()
    },
  }
}
