// The graph of a manifest: goes in definitions, comes out what depends on what, and an order that respects it.
import { SynclineError } from '../platform/errors.ts'
import { type Adjacency, depthFirst, softEdgesToCut } from './graph-order.ts'
import type { EntityDefinition, Manifest } from './manifest.ts'

/** `from` depends on `to`. */
export interface GraphEdge {
  readonly from: string
  readonly to: string
  /** hard: cannot exist without. soft: better first. */
  readonly kind: 'hard' | 'soft'
}

/** An edge that the relationships show and the order ignores. */
interface CutEdge {
  readonly from: string
  readonly to: string
  readonly reason: string
}

export interface EntityGraph {
  /** Every entity after what it depends on. */
  readonly order: readonly string[]
  /** Entities by depth: those of a tier depend on earlier tiers alone. */
  readonly tiers: readonly (readonly string[])[]
  /** In the order of `order`. */
  readonly edges: readonly GraphEdge[]
  readonly cut: readonly CutEdge[]
}

/** What the graph is made of: enough for tests to make one without definitions. */
export interface EdgeList {
  /** In declaration order. */
  readonly entities: readonly string[]
  readonly edges: readonly GraphEdge[]
  readonly cut: readonly CutEdge[]
}

/** Throws SynclineError('config') naming a cycle of hard dependencies. */
export const entityGraph = (manifest: Manifest): EntityGraph => orderGraph(discoverEdges(manifest))

/** Edges shown by relationships and declared ones; a resource type that the manifest does not have makes none. */
const discoverEdges = (manifest: Manifest): EdgeList => {
  const found = manifest.definitions.map((definition) => edgesOf(manifest, definition))
  return {
    entities: manifest.definitions.map(({ entity }) => entity),
    edges: found.flatMap(({ edges }) => edges),
    cut: found.flatMap(({ cut }) => cut),
  }
}

const edgesOf = (manifest: Manifest, definition: EntityDefinition): { edges: readonly GraphEdge[]; cut: readonly CutEdge[] } => {
  const from = definition.entity
  const kinds = new Map<string, 'hard' | 'soft'>()
  const cut: CutEdge[] = []
  const add = (to: string, kind: 'hard' | 'soft'): void => {
    if (kinds.get(to) !== 'hard') kinds.set(to, kind)
  }
  for (const [name, { type, cardinality, edge, reason }] of Object.entries(definition.relationships)) {
    const to = manifest.byType(type)?.entity
    if (to === undefined || (cardinality === 'many' && edge === undefined)) continue
    if (edge === 'cut') cut.push({ from, to, reason: reason ?? `the relationship ${name} is cut by its definition` })
    else add(to, edge ?? 'soft')
  }
  for (const { to, kind } of definition.edges ?? []) add(to, kind)
  return { edges: [...kinds].map(([to, kind]) => ({ from, to, kind })), cut: cut.filter(({ to }) => !kinds.has(to)) }
}

/** Throws SynclineError('config') naming a cycle of hard edges; cuts soft ones that close a cycle. */
export const orderGraph = ({ entities, edges, cut }: EdgeList): EntityGraph => {
  const indexOf = new Map(entities.map((entity, index) => [entity, index]))
  const adjacency = (kinds: readonly GraphEdge['kind'][]): Adjacency => adjacencyOf(edges, kinds, indexOf)
  const name = (index: number): string => entities[index] ?? ''

  const [hard, soft] = [adjacency(['hard']), adjacency(['soft'])]
  const { cycle } = depthFirst(hard)
  if (cycle !== null) throw hardCycle(cycle.map(name))

  const dropped = softEdgesToCut(hard, soft).map(([from, to]) => ({ from: name(from), to: name(to) }))
  const isDropped = new Set(dropped.map(({ from, to }) => `${from} ${to}`))
  const kept = edges.filter(({ from, to }) => !isDropped.has(`${from} ${to}`))
  const order = (depthFirst(adjacencyOf(kept, ['hard', 'soft'], indexOf)).order ?? []).map(name)
  return {
    order,
    tiers: tiersOf(order, kept),
    edges: inOrder(order, kept),
    cut: [...cut, ...dropped.map((edge) => ({ ...edge, reason: 'soft, and on a cycle' }))],
  }
}

/** Dependencies in declaration order, whatever the order of the relationships. */
const adjacencyOf = (
  edges: readonly GraphEdge[],
  kinds: readonly GraphEdge['kind'][],
  indexOf: ReadonlyMap<string, number>,
): Adjacency => {
  const adjacency: number[][] = Array.from({ length: indexOf.size }, () => [])
  for (const { from, to, kind } of edges) {
    const target = indexOf.get(to)
    if (target !== undefined && kinds.includes(kind)) adjacency[indexOf.get(from) ?? -1]?.push(target)
  }
  for (const dependencies of adjacency) dependencies.sort((a, b) => a - b)
  return adjacency
}

const hardCycle = (cycle: readonly string[]): SynclineError =>
  new SynclineError('config', `Hard dependencies form a cycle: ${[...cycle, cycle[0]].join(' → ')}`, {
    remedy: "Make one of these edges soft, or cut it, in its definition: edge: 'cut'",
    details: { cycle },
  })

/** Depth of each entity below those that depend on nothing. `order` has dependencies first. */
export const depthsOf = (order: readonly string[], edges: readonly GraphEdge[]): ReadonlyMap<string, number> => {
  const dependencies = new Map(order.map((entity): [string, string[]] => [entity, []]))
  for (const { from, to } of edges) dependencies.get(from)?.push(to)
  const depths = new Map<string, number>()
  for (const [entity, on] of dependencies)
    depths.set(
      entity,
      on.reduce((depth, to) => Math.max(depth, (depths.get(to) ?? -1) + 1), 0),
    )
  return depths
}

const tiersOf = (order: readonly string[], edges: readonly GraphEdge[]): readonly (readonly string[])[] => {
  const tiers: string[][] = []
  for (const [entity, depth] of depthsOf(order, edges)) {
    const tier = tiers[depth] ?? []
    tier.push(entity)
    tiers[depth] = tier
  }
  return tiers
}

const inOrder = (order: readonly string[], edges: readonly GraphEdge[]): readonly GraphEdge[] => {
  const position = new Map(order.map((entity, index) => [entity, index]))
  const at = (entity: string): number => position.get(entity) ?? 0
  return edges.toSorted((a, b) => at(a.from) - at(b.from) || at(a.to) - at(b.to))
}
