// Which entities are meant: goes in what was written, `person`, `+person` (with what it needs), `person+` (with what needs it), less what is
// excluded; come out names in the manifest's order.
import { SynclineError } from '../platform/errors.ts'
import { type EntityGraph, entityGraph, type GraphEdge } from './graph.ts'
import type { Manifest } from './manifest.ts'

export interface Selected {
  /** Terms separated by commas; undefined: all. */
  readonly select?: string | undefined
  readonly exclude?: string | undefined
}

/** From `start` along the edges, as far as they go; hard and soft ones. */
const reach = (
  start: string,
  edges: readonly GraphEdge[],
  ends: readonly ['from' | 'to', 'from' | 'to'],
): ReadonlySet<string> => {
  const [from, to] = ends
  const next = new Map<string, string[]>()
  for (const edge of edges) next.set(edge[from], [...(next.get(edge[from]) ?? []), edge[to]])
  const reached = new Set([start])
  for (const name of reached) for (const other of next.get(name) ?? []) reached.add(other)
  return reached
}

/** What an entity depends on, itself included. */
export const dependenciesOf = ({ edges }: EntityGraph, entity: string): ReadonlySet<string> =>
  reach(entity, edges, ['from', 'to'])

/** What depends on an entity, itself included. */
export const dependentsOf = ({ edges }: EntityGraph, entity: string): ReadonlySet<string> => reach(entity, edges, ['to', 'from'])

const termsOf = (text: string): readonly string[] =>
  text
    .split(',')
    .map((term) => term.trim())
    .filter(Boolean)

const meant = (manifest: Manifest, graph: EntityGraph, text: string): ReadonlySet<string> =>
  new Set(
    termsOf(text).flatMap((term) => {
      // The look-up names the nearest for a name that is none.
      const { entity } = manifest.get(term.replace(/^\+/, '').replace(/\+$/, ''))
      const needed = term.startsWith('+') ? dependenciesOf(graph, entity) : []
      const needing = term.endsWith('+') ? dependentsOf(graph, entity) : []
      return [entity, ...needed, ...needing]
    }),
  )

/** What tells of an entity's rows under another name goes with it (manifests/plan.ts). */
const requireTogether = (manifest: Manifest, left: readonly string[], unwanted: ReadonlySet<string>): void => {
  const torn = manifest.definitions.find(({ entity, canonical }) => unwanted.has(entity) && left.includes(canonical.entity))
  if (torn === undefined) return
  const { entity, canonical } = torn
  throw new SynclineError(
    'usage',
    `${entity} cannot be excluded alone: it tells which rows of ${canonical.entity} are no more.`,
    {
      remedy: `Leave it in, or exclude ${canonical.entity} as well.`,
    },
  )
}

/**
 * Throws SynclineError('usage') for a name that the manifest does not have, naming the nearest, when nothing is left, and when what goes
 * together is torn apart.
 */
export const selectEntities = (manifest: Manifest, { select, exclude = '' }: Selected): readonly string[] => {
  const graph = entityGraph(manifest)
  const all = manifest.definitions.map(({ entity }) => entity)
  const wanted = select === undefined ? new Set(all) : meant(manifest, graph, select)
  if (wanted.size === 0)
    throw new SynclineError('usage', '--select names no entity.', { remedy: 'See them with: syncline graph' })
  const unwanted = meant(manifest, graph, exclude)
  const left = all.filter((entity) => wanted.has(entity) && !unwanted.has(entity))
  requireTogether(manifest, left, unwanted)
  if (left.length > 0) return left
  throw new SynclineError('usage', '--exclude leaves nothing of what is selected.', { remedy: 'See them with: syncline graph' })
}
