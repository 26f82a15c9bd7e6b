// From a manifest and a selection to what a run does with each entity: order, dependencies, who carries whom. Pure.
import { SynclineError } from '../platform/errors.ts'
import { suggest } from '../platform/suggest.ts'
import { depthsOf, entityGraph, type GraphEdge } from './graph.ts'
import type { Manifest, Paging } from './manifest.ts'

export interface EntityPlan {
  readonly entity: string
  /** Position in the order, from 0. */
  readonly ordinal: number
  /** Depth in the graph of what is selected, from 0. */
  readonly tier: number
  /** Dependencies among the selected; one that is not selected counts as closed. */
  readonly hard: readonly string[]
  readonly soft: readonly string[]
  /** Whose pages bring this entity's records; null: it is walked itself. */
  readonly carrier: string | null
  /** Whose records this entity's pages bring besides its own. */
  readonly carries: readonly string[]
  readonly paging: Paging
}

/**
 * The plan of the selected entities, dependencies first. An empty selection is all of them.
 * Throws SynclineError('usage') for a name that the manifest does not have, naming the nearest.
 */
export const planEntities = (manifest: Manifest, selection: readonly string[]): readonly EntityPlan[] => {
  const graph = entityGraph(manifest)
  const selected = selectedOf(manifest, selection)
  const order = graph.order.filter((entity) => selected.has(entity))
  const edges = graph.edges.filter(({ from, to }) => selected.has(from) && selected.has(to))
  const depths = depthsOf(order, edges)

  const carrierOf = (entity: string): string | null => {
    const carrier = manifest.get(entity).carriedBy?.carrier
    return carrier !== undefined && selected.has(carrier) ? carrier : null
  }
  return order.map((entity, ordinal) => ({
    entity,
    ordinal,
    tier: depths.get(entity) ?? 0,
    hard: dependenciesOf(entity, 'hard', edges),
    soft: dependenciesOf(entity, 'soft', edges),
    carrier: carrierOf(entity),
    carries: order.filter((other) => carrierOf(other) === entity),
    paging: manifest.get(entity).paging,
  }))
}

const selectedOf = (manifest: Manifest, selection: readonly string[]): ReadonlySet<string> => {
  const names = manifest.definitions.map(({ entity }) => entity)
  const unknown = selection.filter((entity) => !manifest.has(entity))
  if (unknown.length === 0) return new Set(selection.length === 0 ? names : selection)
  throw new SynclineError(
    'usage',
    `The manifest of ${manifest.adapter} has no entity ${unknown.map((name) => `'${name}'`).join(', ')}`,
    {
      remedy: unknown.map((name) => suggest(name, names)).join(' '),
    },
  )
}

const dependenciesOf = (entity: string, kind: GraphEdge['kind'], edges: readonly GraphEdge[]): readonly string[] =>
  edges.filter((edge) => edge.from === entity && edge.kind === kind).map(({ to }) => to)
