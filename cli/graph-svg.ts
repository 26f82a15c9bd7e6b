// A picture of a graph as SVG, laid out by dagre: boxes in columns by tier, arrows from what comes first to what comes after, a legend.
// Follows the reader's light or dark scheme.
import { Graph, layout } from '@dagrejs/dagre'
import type { Arrow, ArrowKind, Picture } from './graph-picture.ts'

const BOX = { height: 46, padding: 16 } as const
const NAME_WIDTH = 8.4
const NOTE_WIDTH = 6.2
const MARGIN = 24
const LEGEND_HEIGHT = 40

interface Point {
  readonly x: number
  readonly y: number
}

const LEGEND: readonly (readonly [kind: ArrowKind, text: string])[] = [
  ['hard', 'needed by'],
  ['soft', 'better before'],
  ['carried', 'brings on its pages'],
  ['cut', 'cut: points there, but is not waited for'],
]

/** No variables: not every program that shows SVG knows them. */
const COLORS = {
  light: {
    ink: '#1f2937',
    dim: '#6b7280',
    box: '#f8fafc',
    line: '#cbd5e1',
    soft: '#94a3b8',
    carried: '#2563eb',
    cut: '#dc2626',
    page: '#ffffff',
  },
  dark: {
    ink: '#e5e7eb',
    dim: '#9ca3af',
    box: '#1e293b',
    line: '#475569',
    soft: '#8391a7',
    carried: '#60a5fa',
    cut: '#f87171',
    page: '#0f172a',
  },
} as const

const colored = (c: (typeof COLORS)[keyof typeof COLORS]): string => `
  .page { fill: ${c.page} } .box { fill: ${c.box}; stroke: ${c.line} } .name { fill: ${c.ink} } .note { fill: ${c.dim} }
  .hard { stroke: ${c.ink} } .soft { stroke: ${c.soft} } .carried { stroke: ${c.carried} } .cut { stroke: ${c.cut} }
  .head-hard { fill: ${c.ink} } .head-soft { fill: ${c.soft} } .head-carried { fill: ${c.carried} } .head-cut { fill: ${c.cut} }`

const STYLE = `
  text { font-family: 'Segoe UI', Helvetica, Arial, sans-serif }
  .name { font-size: 14px; font-weight: 600 } .note { font-size: 11px } .box { stroke-width: 1.2 }
  .arrow { fill: none; stroke-width: 1.6 }
  .soft { stroke-dasharray: 2 4; stroke-linecap: round } .carried { stroke-dasharray: 7 4 } .cut { stroke-dasharray: 2 3 }${colored(COLORS.light)}
  @media (prefers-color-scheme: dark) {${colored(COLORS.dark)}
  }
`

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

const widthOf = (entity: string, note: string): number =>
  Math.max(entity.length * NAME_WIDTH, note.length * NOTE_WIDTH) + 2 * BOX.padding

/** Through the given points, bent gently at each. */
const pathOf = (points: readonly Point[]): string => {
  const at = ({ x, y }: Point): string => `${x.toFixed(1)},${y.toFixed(1)}`
  const [first, ...others] = points
  if (first === undefined) return ''
  const last = others.at(-1) ?? first
  const middles = others.slice(0, -1).map((point, i) => {
    const next = others[i + 1] ?? last
    const end = i === others.length - 2 ? last : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 }
    return `Q${at(point)} ${at(end)}`
  })
  return `M${at(first)} ${middles.length === 0 ? `L${at(last)}` : middles.join(' ')}`
}

const marker = (kind: ArrowKind): string =>
  `<marker id="head-${kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" orient="auto-start-reverse">` +
  `<path class="head-${kind}" d="${kind === 'cut' ? 'M4,0 h2 v10 h-2 z' : 'M0,0 L10,5 L0,10 z'}"/></marker>`

const arrow = ({ from, to, kind, reason }: Arrow, points: readonly Point[]): string => {
  const title = `${from} → ${to}${reason === undefined ? '' : `: ${reason}`}`
  return `<path class="arrow ${kind}" d="${pathOf(points)}" marker-end="url(#head-${kind})"><title>${escaped(title)}</title></path>`
}

const legend = (kinds: ReadonlySet<ArrowKind>, y: number): { readonly svg: string; readonly width: number } => {
  let x = MARGIN
  const entries = LEGEND.filter(([kind]) => kinds.has(kind)).map(([kind, text]) => {
    const line = `<path class="arrow ${kind}" d="M${x},${y} L${x + 34},${y}" marker-end="url(#head-${kind})"/>`
    const label = `<text class="note" x="${x + 44}" y="${y + 4}">${escaped(text)}</text>`
    x += 44 + text.length * NOTE_WIDTH + 28
    return line + label
  })
  return { svg: entries.join('\n'), width: x }
}

interface Placed extends Point {
  readonly width: number
}

/** An arrow, the inner points of its way from left to right, and where it leaves and arrives: each side of a box shares out its height. */
interface Way {
  readonly arrow: Arrow
  readonly ends: readonly [left: string, right: string]
  readonly bends: readonly Point[]
}

/** What is cut points against the order: it is laid out the other way round. */
const endsOf = ({ from, to, kind }: Arrow): readonly [left: string, right: string] => (kind === 'cut' ? [to, from] : [from, to])

const waysOf = (arrows: readonly Arrow[], boxes: ReadonlyMap<string, Placed>, ways: readonly (readonly Point[])[]) => {
  const all = arrows.map((arrow, n): Way => ({ arrow, ends: endsOf(arrow), bends: (ways[n] ?? []).slice(1, -1) }))
  const port = (way: Way, side: 0 | 1): Point => {
    const box = boxes.get(way.ends[side]) ?? { x: 0, y: 0, width: 0 }
    const far = ({ ends, bends }: Way): number =>
      (side === 0 ? bends.at(0) : bends.at(-1))?.y ?? boxes.get(ends[1 - side] ?? '')?.y ?? 0
    const own = all.filter(({ ends }) => ends[side] === way.ends[side]).toSorted((a, b) => far(a) - far(b))
    const step = Math.min(9, (BOX.height - 14) / own.length)
    const y = box.y + (own.indexOf(way) - (own.length - 1) / 2) * step
    return { x: side === 0 ? box.x + box.width / 2 : box.x - box.width / 2, y }
  }
  return all.map((way) => {
    const [start, end] = [port(way, 0), port(way, 1)]
    // Level at both ends, so that heads stand upright.
    const inset = Math.min(36, Math.abs(end.x - start.x) / 3)
    const points = [start, { x: start.x + inset, y: start.y }, ...way.bends, { x: end.x - inset, y: end.y }, end]
    return arrow(way.arrow, way.arrow.kind === 'cut' ? points.toReversed() : points)
  })
}

export const svg = ({ title, boxes, arrows }: Picture): string => {
  const graph = new Graph({ multigraph: true })
  graph.setGraph({ rankdir: 'LR', nodesep: 18, ranksep: 80, marginx: MARGIN, marginy: MARGIN })
  const tiers = new Map(boxes.map(({ entity, tier }) => [entity, tier]))
  for (const { entity, note } of boxes) graph.setNode(entity, { width: widthOf(entity, note), height: BOX.height })
  for (const [n, arrow] of arrows.entries()) {
    const [left, right] = endsOf(arrow)
    // A tier is a column, where the edges let it.
    const minlen = Math.max(1, (tiers.get(right) ?? 0) - (tiers.get(left) ?? 0))
    graph.setEdge(left, right, { weight: arrow.kind === 'soft' ? 1 : 3, minlen }, String(n))
  }
  layout(graph)
  const placed = new Map(boxes.map(({ entity }): [string, Placed] => [entity, graph.node(entity)]))
  const ways = arrows.map((arrow, n) => graph.edge(...endsOf(arrow), String(n)).points ?? [])
  const { width = 0, height = 0 } = graph.graph()
  const key = legend(new Set(arrows.map(({ kind }) => kind)), height + LEGEND_HEIGHT / 2)
  const size = { width: Math.ceil(Math.max(width, key.width)), height: Math.ceil(height + LEGEND_HEIGHT) }
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${size.width}" height="${size.height}" viewBox="0 0 ${size.width} ${size.height}" role="img">`,
    `<title>${escaped(`Entities of ${title}`)}</title>`,
    `<style>${STYLE}</style>`,
    `<defs>${LEGEND.map(([kind]) => marker(kind)).join('')}</defs>`,
    `<rect class="page" width="${size.width}" height="${size.height}"/>`,
    ...waysOf(arrows, placed, ways),
    ...boxes.map(({ entity, note }) => {
      const { x, y, width: w } = placed.get(entity) ?? { x: 0, y: 0, width: 0 }
      return [
        `<rect class="box" x="${(x - w / 2).toFixed(1)}" y="${(y - BOX.height / 2).toFixed(1)}" width="${w.toFixed(1)}" height="${BOX.height}" rx="9"/>`,
        `<text class="name" x="${x.toFixed(1)}" y="${(y - 3).toFixed(1)}" text-anchor="middle">${escaped(entity)}</text>`,
        `<text class="note" x="${x.toFixed(1)}" y="${(y + 14).toFixed(1)}" text-anchor="middle">${escaped(note)}</text>`,
      ].join('\n')
    }),
    key.svg,
    '</svg>',
  ].join('\n')
}
