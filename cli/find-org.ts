// Which organisation a command means. A wrong id is answered with the nearest.
import { type Connection, listConnections } from '../ledger/organisations.ts'
import { SynclineError } from '../platform/errors.ts'
import { suggest } from '../platform/suggest.ts'
import type { Runtime } from './runtime.ts'

/** The organisation's connections; throws SynclineError('usage') with the nearest names when there is none. */
export const requireOrg = async ({ pool }: Runtime, orgId: string): Promise<readonly Connection[]> => {
  const connections = await listConnections(pool)
  const own = connections.filter((connection) => connection.orgId === orgId)
  if (own.length > 0) return own
  const names = [...new Set(connections.map((connection) => connection.orgId))]
  const remedy = names.length === 0 ? `Add it with: syncline org add ${orgId} --pat-stdin` : suggest(orgId, names)
  throw new SynclineError('usage', `There is no organisation '${orgId}'.`, { remedy })
}
