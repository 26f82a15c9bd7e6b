// A picture of a graph written for mermaid and for graphviz. Pure.
import type { Arrow, ArrowKind, Box, Picture } from './graph-picture.ts'

const tiersOf = (boxes: readonly Box[]): ReadonlyMap<number, readonly Box[]> => {
  const tiers = new Map<number, Box[]>()
  for (const box of boxes) tiers.set(box.tier, [...(tiers.get(box.tier) ?? []), box])
  return tiers
}

/** Names of entities are words and dashes; a dash may mean something to a reader of graphs. */
const idOf = (entity: string): string => entity.replaceAll('-', '_')

const MERMAID_ARROWS: Readonly<Record<ArrowKind, string>> = {
  hard: '==>',
  soft: '-->',
  carried: '-.->|on its pages|',
  cut: '---|cut|',
}

/** What is cut points against the order, and mermaid lays out by its arrows: it is a line the other way round. */
const mermaidArrow = ({ from, to, kind }: Arrow): string => {
  const [left, right] = kind === 'cut' ? [to, from] : [from, to]
  return `  ${idOf(left)} ${MERMAID_ARROWS[kind]} ${idOf(right)}`
}

export const mermaid = ({ boxes, arrows }: Picture): string =>
  [
    'flowchart LR',
    ...[...tiersOf(boxes)].flatMap(([tier, own]) => [
      `  subgraph tier_${tier}["tier ${tier}"]`,
      ...own.map(({ entity, note }) => `    ${idOf(entity)}["${entity}<br/><small>${note}</small>"]`),
      '  end',
    ]),
    ...arrows.map(mermaidArrow),
  ].join('\n')

const quoted = (text: string): string => `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`

const DOT_STYLES: Readonly<Record<ArrowKind, string>> = {
  hard: 'penwidth=2',
  soft: 'color=gray50',
  carried: 'style=dashed, color=steelblue',
  cut: 'style=dotted, color=firebrick, arrowhead=tee, constraint=false',
}

const dotArrow = ({ from, to, kind, reason }: Arrow): string =>
  `  ${quoted(from)} -> ${quoted(to)} [${DOT_STYLES[kind]}${reason === undefined ? '' : `, tooltip=${quoted(reason)}`}]`

export const dot = ({ title, boxes, arrows }: Picture): string =>
  [
    `digraph ${quoted(title)} {`,
    '  rankdir=LR',
    '  node [shape=box, style=rounded, fontname="Helvetica"]',
    ...[...tiersOf(boxes)].flatMap(([tier, own]) => [
      `  subgraph ${quoted(`tier ${tier}`)} {`,
      '    rank=same',
      ...own.map(({ entity, note }) => `    ${quoted(entity)} [label=<${entity}<br/><font point-size="9">${note}</font>>]`),
      '  }',
    ]),
    ...arrows.map(dotArrow),
    '}',
  ].join('\n')
