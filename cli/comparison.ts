// Gathers what comparing an entity's rows with the API's records finds: records as they are read go in, portion by portion; counts and
// the first findings come out. What does not agree is read again on both sides, because either may have changed in between.
import { createIdentity } from '../manifests/identity.ts'
import type { EntityDefinition, SourceRecord } from '../manifests/manifest.ts'
import { createMapper } from '../manifests/map.ts'
import { type ApiReader, isReadableById } from './api-reader.ts'
import type { Owner } from './compare.ts'
import { type ColumnDifference, type Content, contentOfRecord, type Judged, judge, type Verdict } from './compare-content.ts'
import type { RowKey, TableContent } from './table-content.ts'

export interface Finding {
  readonly externalId: string | null
  readonly verdict: Exclude<Verdict, 'equal'>
  readonly columns: readonly ColumnDifference[]
  /** Why it cannot be mapped, or why the table lacks it, where that is known. */
  readonly reason: string | null
}

export interface EntityComparison {
  readonly entity: string
  readonly compared: number
  readonly verdicts: Readonly<Record<Verdict, number>>
  /** The first of them, differences before what is only newer. */
  readonly findings: readonly Finding[]
}

export interface Comparison {
  /** Compares the records with their rows; each id counts once. */
  records(records: readonly SourceRecord[]): Promise<void>
  /** Rows that should have been among the records and were not. */
  missing(keys: readonly RowKey[]): Promise<void>
  isSeen(id: string): boolean
  result(): EntityComparison
}

export interface ComparisonDeps {
  readonly owner: Owner
  readonly definition: EntityDefinition
  readonly table: TableContent
  readonly reader: ApiReader
  readonly syncedAt: number | null
  readonly maxFindings: number
}

/** Disagreements that are looked at a second time; more than that is no matter of moments. */
const MAX_RECHECKED = 500

const UNMAPPED: Judged = { verdict: 'unmapped', columns: [] }

export const createComparison = (deps: ComparisonDeps): Comparison => {
  const { owner, definition, table, reader, syncedAt, maxFindings } = deps
  const map = createMapper(owner.orgId, owner.source)
  const identity = createIdentity(owner.orgId, owner.source)
  const { columns } = table.entity
  const seen = new Set<string>()
  const verdicts = { equal: 0, 'newer-there': 0, differs: 0, 'only-here': 0, 'only-there': 0, unmapped: 0 }
  const findings: Finding[] = []
  let rechecked = 0

  const note = (externalId: string | null, { verdict, columns: differing }: Judged, reason: string | null = null): void => {
    verdicts[verdict]++
    if (verdict === 'equal') return
    // What is only newer gives way to what differs.
    const room = findings.length < maxFindings ? -1 : findings.findLastIndex((each) => each.verdict === 'newer-there')
    if (findings.length >= maxFindings && (room < 0 || verdict === 'newer-there')) return
    if (room >= 0) findings.splice(room, 1)
    findings.push({ externalId, verdict, columns: differing, reason })
  }

  const contentOf = (record: SourceRecord): { content: Content } | { reason: string } => {
    const mapped = map(definition, record, 0)
    return mapped.ok ? { content: contentOfRecord(mapped.record, columns) } : { reason: mapped.reason }
  }

  /** Both sides once more, for one that does not agree. */
  const again = async (key: RowKey, before: Judged): Promise<Judged> => {
    if (before.verdict === 'equal' || !isReadableById(definition) || rechecked++ >= MAX_RECHECKED) return before
    const record = await reader.one(definition.entity, key.externalId)
    const mapped = record === null ? undefined : contentOf(record)
    if (mapped !== undefined && 'reason' in mapped) return UNMAPPED
    const here = (await table.byIds([key.id])).get(key.id)
    return here === undefined && mapped === undefined ? { verdict: 'equal', columns: [] } : judge(here, mapped?.content, syncedAt)
  }

  return {
    isSeen: (id) => seen.has(id),
    records: async (records) => {
      const there = new Map<string, Content>()
      for (const record of records) {
        const { externalId } = record
        const id = externalId === null ? null : identity(table.entity.entity, externalId)
        if (id !== null && seen.has(id)) continue
        const mapped = contentOf(record)
        if ('content' in mapped) there.set(mapped.content.id, mapped.content)
        else {
          if (id !== null) seen.add(id)
          note(externalId, UNMAPPED, mapped.reason)
        }
      }
      const here = await table.byIds([...there.keys()])
      for (const [id, content] of there) {
        seen.add(id)
        note(content.externalId, await again(content, judge(here.get(id), content, syncedAt)))
      }
    },
    missing: async (keys) => {
      for (const key of keys) {
        if (seen.has(key.id)) continue
        seen.add(key.id)
        note(key.externalId, await again(key, { verdict: 'only-here', columns: [] }))
      }
    },
    result: () => ({
      entity: definition.entity,
      compared: Object.values(verdicts).reduce((sum, n) => sum + n, 0),
      verdicts,
      findings,
    }),
  }
}

/** True for what is not explained by a sync that has still to come. */
export const isDifference = ({ verdict }: Pick<Finding, 'verdict'>): boolean => verdict !== 'newer-there'

export const hasDifferences = ({ verdicts }: Pick<EntityComparison, 'verdicts'>): boolean =>
  verdicts.differs + verdicts['only-here'] + verdicts['only-there'] + verdicts.unmapped > 0
