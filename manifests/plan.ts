// From a manifest and a selection to what a run does with each entity: order, dependencies, who carries whom. Pure.
import { SynclineError } from '../platform/errors.ts'
import { suggest } from '../platform/suggest.ts'
import { depthsOf, entityGraph, type GraphEdge } from './graph.ts'
import type { Manifest, Paging } from './manifest.ts'
import { type Beginning, type Changes, type DeltaBase, deltaOf, type Strategy } from './strategy.ts'

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
  /** The part of it that is read; null: everything. Of a carried one, that of its carrier. */
  readonly changes: Changes | null
  /** What is worth saying of that; null: nothing. */
  readonly why: string | null
}

/** How the entities are read: a delta needs to know from where. */
export type Reading = { readonly strategy: Exclude<Strategy, 'delta'> } | { readonly strategy: 'delta'; readonly base: DeltaBase }

const EVERYTHING: Beginning = { changes: null, why: null }

/**
 * The plan of the selected entities, dependencies first. An empty selection is all of them; what the strategy does not read is left out.
 * Throws SynclineError('usage') for a name that the manifest does not have, naming the nearest.
 */
export const planEntities = (
  manifest: Manifest,
  selection: readonly string[],
  reading: Reading = { strategy: 'full' },
): readonly EntityPlan[] => {
  const graph = entityGraph(manifest)
  const selected = selectedOf(manifest, selection, reading.strategy)
  const order = graph.order.filter((entity) => selected.has(entity))
  const edges = graph.edges.filter(({ from, to }) => selected.has(from) && selected.has(to))
  const depths = depthsOf(order, edges)

  const dependencies = { hard: toByFrom(edges, 'hard'), soft: toByFrom(edges, 'soft') }
  const carriers = new Map(
    order.flatMap((entity): [string, string][] => {
      const { carriedBy, strategies } = manifest.get(entity)
      const isCarried = carriedBy !== undefined && strategies[reading.strategy] === 'carried' && selected.has(carriedBy.carrier)
      return isCarried ? [[entity, carriedBy.carrier]] : []
    }),
  )
  const carried = grouped([...carriers].map(([entity, carrier]) => [carrier, entity]))
  const beginningOf = (entity: string): Beginning => {
    if (reading.strategy !== 'delta') return EVERYTHING
    const walked = carriers.get(entity) ?? entity
    const { changes, why } = deltaOf(manifest.get(walked), reading.base, carried.get(walked))
    return { changes, why: walked === entity ? why : null }
  }
  return order.map((entity, ordinal) => ({
    entity,
    ordinal,
    tier: depths.get(entity) ?? 0,
    hard: dependencies.hard.get(entity) ?? [],
    soft: dependencies.soft.get(entity) ?? [],
    carrier: carriers.get(entity) ?? null,
    carries: carried.get(entity) ?? [],
    paging: manifest.get(entity).paging,
    ...beginningOf(entity),
  }))
}

const selectedOf = (manifest: Manifest, selection: readonly string[], strategy: Strategy): ReadonlySet<string> => {
  const names = manifest.definitions.map(({ entity }) => entity)
  const unknown = selection.filter((entity) => !manifest.has(entity))
  if (unknown.length > 0) {
    throw new SynclineError(
      'usage',
      `The manifest of ${manifest.adapter} has no entity ${unknown.map((name) => `'${name}'`).join(', ')}`,
      { remedy: unknown.map((name) => suggest(name, names)).join(' ') },
    )
  }
  const wanted = new Set(selection.length === 0 ? names : selection)
  const read = manifest.definitions.filter(({ strategies }) => strategies[strategy] !== 'none')
  // What tells of an entity's rows under another name goes with it.
  return new Set(
    read.filter(({ entity, canonical }) => wanted.has(entity) || wanted.has(canonical.entity)).map(({ entity }) => entity),
  )
}

const grouped = (pairs: readonly (readonly [key: string, value: string])[]): ReadonlyMap<string, readonly string[]> => {
  const groups = new Map<string, string[]>()
  for (const [key, value] of pairs) {
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [value])
    else group.push(value)
  }
  return groups
}

const toByFrom = (edges: readonly GraphEdge[], kind: GraphEdge['kind']): ReadonlyMap<string, readonly string[]> =>
  grouped(edges.filter((edge) => edge.kind === kind).map(({ from, to }) => [from, to]))
