// A manifest's graph as something to be drawn: goes in what depends on what, come out boxes by tier and arrows from what comes first to
// what comes after. Pure; the formats (mermaid, dot, svg) only write it down.
import { type EntityGraph, entityGraph } from '../manifests/graph.ts'
import type { EntityDefinition, Manifest } from '../manifests/manifest.ts'

export interface Box {
  readonly entity: string
  readonly tier: number
  /** How it is read. */
  readonly note: string
}

/** hard: cannot be without. soft: better first. carried: comes on its pages. cut: shown by relationships, and ignored. */
export type ArrowKind = 'hard' | 'soft' | 'carried' | 'cut'

export interface Arrow {
  readonly from: string
  readonly to: string
  readonly kind: ArrowKind
  readonly reason?: string
}

export interface Picture {
  readonly title: string
  readonly boxes: readonly Box[]
  readonly arrows: readonly Arrow[]
}

export const readText = ({ carriedBy, paging }: EntityDefinition): string => {
  if (carriedBy !== undefined) return `on pages of ${carriedBy.carrier}`
  switch (paging.kind) {
    case 'keyset':
      return `by ${paging.field}, in ranges`
    case 'offset':
      return 'by offset'
    case 'parents':
      return `below each ${paging.parent}`
  }
}

/** Only an entity and those it has an edge with. */
const neighbourhood = (of: string, arrows: readonly Arrow[]): ReadonlySet<string> =>
  new Set([of, ...arrows.flatMap(({ from, to }) => (from === of ? [to] : to === of ? [from] : []))])

/** Of the whole graph, or around one entity. Throws SynclineError('usage') for an entity that the manifest does not have. */
export const pictureOf = (manifest: Manifest, of?: string, graph: EntityGraph = entityGraph(manifest)): Picture => {
  const carried = manifest.definitions.flatMap(({ entity, carriedBy }): Arrow[] =>
    carriedBy === undefined
      ? []
      : [{ from: carriedBy.carrier, to: entity, kind: 'carried', reason: `include=${carriedBy.include}` }],
  )
  const isCarried = (from: string, to: string): boolean => carried.some((arrow) => arrow.from === from && arrow.to === to)
  const edges = graph.edges.map(({ from, to, kind }): Arrow => ({ from: to, to: from, kind }))
  // A child that comes on its parent's pages needs it, too: one arrow says both.
  const arrows = [
    ...edges.filter(({ from, to }) => !isCarried(from, to)),
    ...carried,
    ...graph.cut.map(({ from, to, reason }): Arrow => ({ from: to, to: from, kind: 'cut', reason })),
  ]
  const shown = of === undefined ? new Set(graph.order) : neighbourhood(manifest.get(of).entity, arrows)
  return {
    title: of === undefined ? manifest.adapter : `${manifest.adapter}: ${of}`,
    boxes: graph.tiers.flatMap((entities, tier) =>
      entities.filter((entity) => shown.has(entity)).map((entity) => ({ entity, tier, note: readText(manifest.get(entity)) })),
    ),
    arrows: arrows.filter(
      ({ from, to }) => (of === undefined ? true : from === of || to === of) && shown.has(from) && shown.has(to),
    ),
  }
}
