// What PostgreSQL refuses because of what a record holds: told from everything else that may go wrong, and kept from ending the
// transaction it happens in.
import { type PoolClient, sqlState } from '../../platform/postgres.ts'

/** Data exceptions, violated constraints, values beyond a limit: trying again cannot help, leaving the record out does. */
export const isRefusal = (error: unknown): boolean => /^(2[23]|54)/.test(sqlState(error) ?? '')

/**
 * Runs `work` so that a refusal (or what else `undoes` it) undoes it alone; returns the refusal, or undefined when all went well. Throws
 * whatever else `work` throws.
 */
export const refusalIn = async (
  client: PoolClient,
  work: () => Promise<void>,
  undoes: (error: unknown) => boolean = isRefusal,
): Promise<unknown> => {
  await client.query('savepoint attempt')
  try {
    await work()
  } catch (error) {
    if (!undoes(error)) throw error
    await client.query('rollback to savepoint attempt; release savepoint attempt')
    return error
  }
  await client.query('release savepoint attempt')
  return undefined
}
