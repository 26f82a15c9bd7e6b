// Which organisation and which of its connected accounts a command means. A wrong name is answered with the nearest.
import { z } from 'zod'
import { type ListedConnection, listConnections } from '../ledger/organisations.ts'
import { SynclineError } from '../platform/errors.ts'
import { suggest } from '../platform/suggest.ts'
import type { Runtime } from './runtime.ts'

const orgIdSchema = z.string().regex(/^[a-z0-9-]{1,63}$/)

/** Throws SynclineError('usage') when it is not of the form of an organisation's id. */
export const parseOrgId = (id: string): string => {
  if (orgIdSchema.safeParse(id).success) return id
  throw new SynclineError('usage', `'${id}' cannot be the id of an organisation.`, {
    remedy: 'Use 1 to 63 lower-case letters, digits and dashes.',
  })
}

export const parseSource = (source: string): string => {
  if (/^[a-z0-9][a-z0-9-]{0,62}$/.test(source)) return source
  throw new SynclineError('usage', `'${source}' cannot be the name of a source.`, {
    remedy: 'Use lower-case letters, digits and dashes.',
  })
}

export const parseBaseUrl = (url: string | undefined): string | null => {
  if (url === undefined) return null
  const parsed = z.url({ protocol: /^https?$/ }).safeParse(url)
  if (parsed.success) return url.replace(/\/+$/, '')
  throw new SynclineError('usage', `'${url}' is not an http or https URL.`, {
    remedy: 'Give it as https://host or http://host:port.',
  })
}

/** The organisation's connections; throws SynclineError('usage') with the nearest names when there is none. */
export const requireOrg = async ({ pool }: Runtime, orgId: string): Promise<readonly ListedConnection[]> => {
  const connections = await listConnections(pool)
  const own = connections.filter((connection) => connection.orgId === orgId)
  if (own.length > 0) return own
  const names = [...new Set(connections.map((connection) => connection.orgId))]
  const remedy = names.length === 0 ? `Add it with: syncline org add ${orgId} --pat-stdin` : suggest(orgId, names)
  throw new SynclineError('usage', `There is no organisation '${orgId}'.`, { remedy })
}

/** The one of --source, or the only one there is. Throws SynclineError('usage') naming those there are. */
export const chooseConnection = <C extends { readonly source: string }>(
  own: readonly C[],
  { org, source }: { readonly org: string; readonly source?: string | undefined },
): C => {
  const [only, another] = source === undefined ? own : own.filter((connection) => connection.source === source)
  if (only !== undefined && another === undefined) return only
  const names = own.map((connection) => connection.source)
  if (only === undefined)
    throw new SynclineError('usage', `${org} has no source '${source}'.`, { remedy: suggest(source ?? '', names) })
  throw new SynclineError('usage', `${org} has several sources.`, { remedy: `Choose one with --source: ${names.join(', ')}` })
}
