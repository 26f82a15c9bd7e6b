// A fixed credential that is to replace another, asked whose it is before it is stored: out comes the account, or null where it is not told
// now; then it is asked before anything is read with it. Throws when it is of another account than the rows.
import { identify } from '../adapters/core/identity.ts'
import { accountOfRows } from '../ledger/accounts.ts'
import { limitKeyOfToken } from '../ledger/limit-key.ts'
import type { NewConnection } from '../ledger/organisations.ts'
import { messageOf } from '../platform/errors.ts'
import { accountProblem } from '../producers/account-guard.ts'
import type { Runtime } from './runtime.ts'
import { say } from './terminal.ts'
import { withUnsavedVendor } from './vendor.ts'

const PATIENCE_MS = 30_000

/** Sends nothing where there are no rows yet. */
export const accountOfNew = async (runtime: Runtime, connection: NewConnection): Promise<string | null> => {
  const rows = await accountOfRows(runtime.pool, connection)
  if (rows === null) return null
  const account = await ask(runtime, connection).catch((error: unknown) => {
    say(`It could not be asked whose the credential is: ${messageOf(error)} That is done before anything is read with it.`)
    return null
  })
  const problem = account === null ? undefined : accountProblem(connection, account, rows)
  if (problem !== undefined) throw problem
  return account
}

const ask = async (runtime: Runtime, { credential: token, ...connection }: NewConnection): Promise<string | null> => {
  const limitKey = await limitKeyOfToken(connection.adapter, token)
  const accounts = { credential: null, rows: null }
  const opened = { connection, credential: { kind: 'token', token }, limitKey, accounts } as const
  return withUnsavedVendor(runtime, opened, async ({ vendor, api }) => {
    const signal = AbortSignal.timeout(PATIENCE_MS)
    return (await identify(vendor.adapter.identity, (request) => api.send(request, { signal })))?.account ?? null
  })
}
