// Which sources, strategy and entities a command means, from its options. Throws SynclineError('usage') naming the nearest.
import { adapterByName } from '../adapters/index.ts'
import { type Selected, selectEntities } from '../manifests/select.ts'
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

/** The entities that --select and --exclude mean; all of them without. */
export const chooseSelection = (adapter: string, options: Selected): readonly string[] =>
  selectEntities(adapterByName(adapter).manifest, options)

export const SELECT_HELP = 'only these, separated by commas; +person: with what it needs, person+: with what needs it'
export const EXCLUDE_HELP = 'but not these'
