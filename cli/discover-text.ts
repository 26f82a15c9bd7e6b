// What was discovered, as a table with its findings for people and as JSON lines. Pure.
import { type Column, renderColumns } from './columns.ts'
import { codeOf, type Discovered, isAnswered, type Probed } from './discover-ask.ts'
import type { Drift } from './discover-findings.ts'
import { count } from './words.ts'

export interface Row {
  readonly discovered: Discovered
  /** It is not in the manifest. */
  readonly isNew: boolean
  readonly drift: readonly Drift[]
}

const honoured = (probed: readonly Probed[]): string =>
  probed.length === 0 ? '-' : `${probed.filter(({ verdict }) => verdict.is === 'honoured').length}/${probed.length}`

const verdictOf = ({ discovered, isNew, drift }: Row): string => {
  if (!isAnswered(discovered)) return isNew ? 'new, no answer' : 'no answer'
  if (isNew) return 'new'
  return drift.length === 0 ? 'as defined' : count(drift.length, 'difference')
}

const sampled = (row: Row) => (isAnswered(row.discovered) ? row.discovered : undefined)

const COLUMNS: readonly Column<Row>[] = [
  { title: 'ENTITY', cell: ({ discovered }) => discovered.entity },
  { title: 'RECORDS', cell: (row) => sampled(row)?.total?.toLocaleString('en-US') ?? '-', align: 'right' },
  { title: 'SEEN', cell: (row) => sampled(row)?.records.length ?? '-', align: 'right', keep: 1 },
  { title: 'ORDERS', cell: (row) => honoured(sampled(row)?.orders ?? []), align: 'right', keep: 2 },
  { title: 'FILTERS', cell: (row) => honoured(sampled(row)?.filters ?? []), align: 'right', keep: 2 },
  { title: 'IT IS', cell: verdictOf, min: 14 },
]

const driftText = ({ entity, of, name, says }: Drift): string =>
  of === 'entity' ? `  ${entity}: ${says}` : `  ${entity}: ${of} ${name} ${says}`

/** `person: filters remote_id, grade: no record seen has a value` */
const untoldText = ({ discovered }: Row): readonly string[] => {
  if (!isAnswered(discovered)) return []
  const { entity, orders, filters } = discovered
  return [orders, filters].flatMap((probed, i) => {
    const byReason = new Map<string, string[]>()
    for (const { name, verdict } of probed) {
      if (verdict.is === 'untold') byReason.set(verdict.why, [...(byReason.get(verdict.why) ?? []), name])
    }
    return [...byReason].map(([why, names]) => `  ${entity}: ${i === 0 ? 'order' : 'filter'} ${names.join(', ')}: ${why}`)
  })
}

export const discoverText = (rows: readonly Row[], { width }: { readonly width: number }): string => {
  const drift = rows.flatMap((row) => row.drift)
  const untold = rows.flatMap(untoldText)
  return [
    ...renderColumns(COLUMNS, rows, { width }),
    ...(drift.length === 0 ? [] : ['', 'Differs from the manifest:', ...drift.map(driftText)]),
    ...(untold.length === 0 ? [] : ['', 'Cannot be told, so do not count on it:', ...untold]),
  ].join('\n')
}

const probedLine = ({ name, verdict, isInManifest, isOffered }: Probed) => ({
  name,
  ...verdict,
  inManifest: isInManifest,
  offered: isOffered,
})

export const entityLine = ({ discovered, isNew, drift }: Row) => {
  const { entity } = discovered
  const about = { type: 'discovered-entity', entity, isNew, answers: isAnswered(discovered) }
  if (!isAnswered(discovered)) return { ...about, code: codeOf(discovered), why: discovered.why, drift }
  const { total, records, orders, filters } = discovered
  return {
    ...about,
    records: total,
    seen: records.length,
    orders: orders.map(probedLine),
    filters: filters.map(probedLine),
    drift,
  }
}
