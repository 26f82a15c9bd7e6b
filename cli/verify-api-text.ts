// What a comparison with the API found, as one JSON object and as text for people. Values of the payload only where they are asked for.

import { printExactJson } from '../platform/exact-json.ts'
import type { Style } from './color.ts'
import { type Column, renderColumns, type TableOptions } from './columns.ts'
import type { Owner } from './compare.ts'
import type { ColumnDifference, Verdict } from './compare-content.ts'
import { type EntityComparison, type Finding, hasDifferences, isDifference } from './comparison.ts'
import { count } from './words.ts'

const columnLine = ({ column, here, there }: ColumnDifference, values: boolean) => (values ? { column, here, there } : column)

const findingLine = ({ externalId, verdict, columns, reason }: Finding, values: boolean) => ({
  externalId,
  verdict,
  ...(columns.length === 0 ? {} : { columns: columns.map((each) => columnLine(each, values)) }),
  ...(reason === null ? {} : { reason }),
})

const entityLine = ({ entity, compared, verdicts, findings }: EntityComparison, values: boolean) => ({
  entity,
  compared,
  equal: verdicts.equal,
  newerThere: verdicts['newer-there'],
  differs: verdicts.differs,
  onlyHere: verdicts['only-here'],
  onlyThere: verdicts['only-there'],
  unmapped: verdicts.unmapped,
  findings: findings.map((finding) => findingLine(finding, values)),
})

export const comparisonLine = (
  { orgId, source }: Owner,
  sample: number | 'all',
  results: readonly EntityComparison[],
  values: boolean,
) => ({
  type: 'verify',
  against: 'api',
  org: orgId,
  source,
  sample,
  verdict: results.some(hasDifferences) ? 'differences' : 'equal',
  entities: results.map((result) => entityLine(result, values)),
})

const verdictColumn = (title: string, verdict: Verdict, keep: number, style?: Style): Column<EntityComparison> => ({
  title,
  cell: ({ verdicts }) => verdicts[verdict],
  style: ({ verdicts }) => (verdicts[verdict] > 0 ? style : undefined),
  keep,
})

const COLUMNS: readonly Column<EntityComparison>[] = [
  { title: 'ENTITY', cell: ({ entity }) => entity },
  { title: 'COMPARED', cell: ({ compared }) => compared },
  verdictColumn('EQUAL', 'equal', 1),
  verdictColumn('NOT SYNCED YET', 'newer-there', 2, 'cyan'),
  verdictColumn('DIFFERENT', 'differs', 6, 'red'),
  verdictColumn('ONLY HERE', 'only-here', 5, 'red'),
  verdictColumn('ONLY AT THE API', 'only-there', 4, 'red'),
  verdictColumn('UNREADABLE', 'unmapped', 3, 'red'),
]

const WORDS: Readonly<Record<Finding['verdict'], string>> = {
  'newer-there': 'not synced yet',
  differs: 'different',
  'only-here': 'only here',
  'only-there': 'only at the API',
  unmapped: 'cannot be mapped',
}

const findingText = (entity: string, { externalId, verdict, columns, reason }: Finding, values: boolean): readonly string[] => {
  const names = columns.map(({ column }) => column).join(', ')
  const more = reason ?? (values ? '' : names)
  return [
    `${entity} ${externalId ?? '(without id)'}: ${WORDS[verdict]}${more === '' ? '' : `: ${more}`}`,
    ...(values
      ? columns.map(({ column, here, there }) => `  ${column}: here ${printExactJson(here)}, at the API ${printExactJson(there)}`)
      : []),
  ]
}

export const comparisonText = (results: readonly EntityComparison[], values: boolean, options: TableOptions): string => {
  const found = results.flatMap(({ entity, findings }) =>
    findings.filter(isDifference).flatMap((finding) => findingText(entity, finding, values)),
  )
  return [...renderColumns(COLUMNS, results, options), ...(found.length === 0 ? [] : ['', ...found])].join('\n')
}

const sumOf = (results: readonly EntityComparison[], of: (result: EntityComparison) => number): number =>
  results.reduce((sum, result) => sum + of(result), 0)

export const totalText = ({ orgId }: Owner, results: readonly EntityComparison[]): string => {
  const compared = sumOf(results, (result) => result.compared)
  const newer = sumOf(results, ({ verdicts }) => verdicts['newer-there'])
  const different = compared - newer - sumOf(results, ({ verdicts }) => verdicts.equal)
  const later = newer === 0 ? '' : ` ${count(newer, 'record')} changed at the API since: syncline sync --org ${orgId}`
  if (different === 0) return `The tables hold what the API says, ${count(compared, 'record')} compared.${later}`
  return `${different.toLocaleString('en-US')} of ${count(compared, 'record')} ${different === 1 ? 'differs' : 'differ'}. See where one comes from with: syncline trace ENTITY ID --org ${orgId}.${later}`
}
