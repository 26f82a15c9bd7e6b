// Which sources, strategy and entities a command means, from its options. Throws SynclineError('usage') naming the nearest.
import { adapterByName } from '../adapters/index.ts'
import { STRATEGIES, type Strategy } from '../manifests/strategy.ts'
import { SynclineError } from '../platform/errors.ts'
import { suggest } from '../platform/suggest.ts'
import { chooseConnection } from './connection-choice.ts'

/** All connections of an organisation, or the one of --source. */
export const chooseSources = <C extends { readonly source: string }>(
  own: readonly C[],
  { org, source }: { readonly org: string; readonly source?: string | undefined },
): readonly C[] => (source === undefined ? own : [chooseConnection(own, { org, source })])

export const parseStrategy = (name: string): Strategy => {
  const found = STRATEGIES.find((strategy) => strategy === name)
  if (found !== undefined) return found
  throw new SynclineError('usage', `There is no strategy '${name}'.`, { remedy: suggest(name, STRATEGIES) })
}

/** All entities of the manifest, or those named. */
export const chooseSelection = (adapter: string, select: string | undefined): readonly string[] =>
  select === undefined
    ? adapterByName(adapter).manifest.definitions.map((definition) => definition.entity)
    : parseSelection(adapter, select)

/** Entities separated by commas, in the manifest's names. */
export const parseSelection = (adapter: string, select: string): readonly string[] => {
  const { manifest } = adapterByName(adapter)
  const names = select
    .split(',')
    .map((name) => name.trim())
    .filter(Boolean)
  if (names.length === 0)
    throw new SynclineError('usage', '--select names no entity.', { remedy: 'See them with: syncline graph' })
  return [...new Set(names)].map((name) => manifest.get(name).entity)
}
