// `syncline graph`: what an adapter's entities depend on, in which order and how they are read.
import { Command } from 'commander'
import { adapterByName } from '../adapters/index.ts'
import { type EntityGraph, entityGraph } from '../manifests/graph.ts'
import type { EntityDefinition, Manifest } from '../manifests/manifest.ts'
import { SynclineError } from '../platform/errors.ts'
import { suggest } from '../platform/suggest.ts'
import { type Paint, painterFor } from './color.ts'
import { type Column, renderColumns } from './columns.ts'
import { print, stdoutWidth } from './terminal.ts'
import { count } from './words.ts'

const EXAMPLES = `
Examples:
  $ syncline graph
  $ syncline graph --adapter pco --format json | jq -r '.order[]'
  $ syncline graph --format json | jq '.edges[] | select(.kind == "hard")'`

const FORMATS = ['text', 'json']

interface GraphOptions {
  readonly adapter: string
  readonly format: string
  readonly json?: boolean
}

export const graphCommand = (): Command =>
  new Command('graph')
    .option('--adapter <name>', 'the API', 'pco')
    .option('--format <format>', 'text or json', 'text')
    .option('--json', 'the same as --format json')
    .addHelpText('after', EXAMPLES)
    .action(graph)

const graph = ({ adapter, format, json }: GraphOptions): void => {
  if (!FORMATS.includes(format)) {
    throw new SynclineError('usage', `There is no format '${format}'.`, { remedy: suggest(format, FORMATS) })
  }
  const { manifest } = adapterByName(adapter)
  const found = entityGraph(manifest)
  if (json || format === 'json') print(JSON.stringify(found))
  else print(graphText(manifest, found, { width: stdoutWidth(), paint: painterFor(process.stdout) }))
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

const readText = ({ carriedBy, paging }: EntityDefinition): string => {
  if (carriedBy !== undefined) return `on pages of ${carriedBy.carrier} (include=${carriedBy.include})`
  switch (paging.kind) {
    case 'keyset':
      return `by ${paging.field}, in ranges`
    case 'offset':
      return `by offset${paging.order === null ? '' : `, in order of ${paging.order}`}`
    case 'parents':
      return `below each ${paging.parent}`
  }
}

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
