// `syncline graph`: what an adapter's entities depend on, in which order and how they are read.
import { Command, Option } from 'commander'
import { adapterByName } from '../adapters/index.ts'
import { type EntityGraph, entityGraph } from '../manifests/graph.ts'
import type { EntityDefinition, Manifest } from '../manifests/manifest.ts'
import { type Paint, painterFor } from './color.ts'
import { type Column, renderColumns } from './columns.ts'
import { type Picture, pictureOf, readText } from './graph-picture.ts'
import { dot, mermaid } from './graph-text-formats.ts'
import { print, stdoutWidth } from './terminal.ts'
import { count } from './words.ts'

const EXAMPLES = `
Examples:
  $ syncline graph
  $ syncline graph --adapter pco --format json | jq -r '.order[]'
  $ syncline graph --format json | jq '.edges[] | select(.kind == "hard")'
  $ syncline graph --format svg > graph.svg
  $ syncline graph --of person --format mermaid`

const FORMATS = ['text', 'mermaid', 'dot', 'svg', 'json']

interface GraphOptions {
  readonly adapter: string
  readonly format: string
  readonly of?: string
  readonly json?: boolean
}

export const graphCommand = (): Command =>
  new Command('graph')
    .option('--adapter <name>', 'the API', 'pco')
    .addOption(new Option('--format <format>', 'how it is written').choices(FORMATS).default('text'))
    .option('--of <entity>', 'one entity, what it needs and what needs it')
    .option('--json', 'the same as --format json')
    .addHelpText('after', EXAMPLES)
    .action(graph)

const graph = async ({ adapter, format, of, json }: GraphOptions): Promise<void> => {
  const { manifest } = adapterByName(adapter)
  const whole = entityGraph(manifest)
  const picture = pictureOf(manifest, of, whole)
  if (format === 'mermaid') return print(mermaid(picture))
  if (format === 'dot') return print(dot(picture))
  // Laying out is loaded for this alone.
  if (format === 'svg') return print((await import('./graph-svg.ts')).svg(picture))
  const found = of === undefined ? whole : around(whole, picture)
  if (json || format === 'json')
    print(JSON.stringify({ ...found, carried: picture.arrows.filter(({ kind }) => kind === 'carried') }))
  else print(graphText(manifest, found, { width: stdoutWidth(), paint: painterFor(process.stdout) }))
}

/** Of the whole graph what the picture shows. */
const around = (whole: EntityGraph, { boxes, arrows }: Picture): EntityGraph => {
  const shown = new Set(boxes.map(({ entity }) => entity))
  const isShown = (edge: { readonly from: string; readonly to: string }): boolean =>
    arrows.some(({ from, to }) => from === edge.to && to === edge.from)
  return {
    order: whole.order.filter((entity) => shown.has(entity)),
    tiers: whole.tiers.map((tier) => tier.filter((entity) => shown.has(entity))),
    edges: whole.edges.filter(isShown),
    cut: whole.cut.filter(isShown),
  }
}

interface Row {
  readonly tier: string
  readonly definition: EntityDefinition
  readonly hard: string
  readonly soft: string
}

const COLUMNS: readonly Column<Row>[] = [
  { title: 'TIER', cell: (row) => row.tier, style: () => 'dim' },
  { title: 'ENTITY', cell: (row) => row.definition.entity, style: () => 'bold' },
  { title: 'NEEDS', cell: (row) => row.hard, style: () => 'red' },
  { title: 'AFTER', cell: (row) => row.soft, style: () => 'yellow' },
  { title: 'READ', cell: (row) => readText(row.definition), min: 10 },
]

const rowsOf = (manifest: Manifest, { tiers, edges }: EntityGraph): readonly Row[] => {
  const dependencies = (entity: string, kind: 'hard' | 'soft'): string =>
    edges.flatMap(({ from, to, kind: k }) => (from === entity && k === kind ? [to] : [])).join(', ')
  return tiers.flatMap((entities, tier) =>
    entities.map((entity, i) => ({
      tier: i === 0 ? String(tier) : '',
      definition: manifest.get(entity),
      hard: dependencies(entity, 'hard'),
      soft: dependencies(entity, 'soft'),
    })),
  )
}

/** One row per entity, tier by tier; then the edges that are cut, and why. */
const graphText = (manifest: Manifest, found: EntityGraph, { width, paint }: { width: number; paint: Paint }): string => {
  const cuts = found.cut.map(({ from, to, reason }) => `  ${from} → ${to}  ${paint(reason, 'dim')}`)
  return [
    `${paint(manifest.adapter, 'bold')}: ${count(found.order.length, 'entity', 'entities')} in ${count(found.tiers.length, 'tier')}`,
    '',
    ...renderColumns(COLUMNS, rowsOf(manifest, found), { width, paint }),
    '',
    `Order: ${found.order.join(', ')}`,
    'NEEDS: cannot exist without (hard). AFTER: better first (soft).',
    ...(cuts.length === 0 ? [] : ['', 'Cut, because they mislead or would close a cycle:', ...cuts]),
  ].join('\n')
}
