// The register of dead letters: one row per letter on the topic, one per record of a page attempt and round of replay, however often
// it was produced.
import type { Queryable } from '../platform/postgres.ts'
import type { DeadLetter, LetterPlace } from '../topics/dead-letters.ts'

export interface DeadLetterRow extends DeadLetter, LetterPlace {
  /** Size of the original bytes, as far as they were read. */
  readonly bytes: number
}

/** `round`: replays of its place that came before it. */
type NewLetter = DeadLetterRow & { readonly round: number }

const COLUMNS = [
  ['topic', 'text'],
  ['partition', 'int'],
  ['offset', 'bigint'],
  ['org_id', 'text'],
  ['source', 'text'],
  ['entity', 'text'],
  ['external_id', 'text'],
  ['stage', 'text'],
  ['code', 'text'],
  ['reason', 'text'],
  ['bytes', 'int'],
  ['run_id', 'uuid'],
  ['range_id', 'int'],
  ['page', 'int'],
  ['attempt', 'int'],
  ['index', 'int'],
  ['round', 'int'],
] as const

const INSERT = `
  insert into sync.dead_letters (${COLUMNS.map(([name]) => `"${name}"`).join(', ')})
  select * from unnest(${COLUMNS.map(([, type], i) => `$${i + 1}::${type}[]`).join(', ')})
  on conflict do nothing`

const valuesOf = (row: NewLetter): unknown[] => [
  row.topic,
  row.partition,
  row.offset.toString(),
  row.orgId,
  row.source,
  row.entity,
  row.externalId,
  row.stage,
  row.code,
  row.reason,
  row.bytes,
  row.origin?.runId ?? null,
  row.origin?.rangeId ?? null,
  row.origin?.page ?? null,
  row.origin?.attempt ?? null,
  row.origin?.index ?? null,
  row.round,
]

export const recordDeadLetters = async (client: Queryable, rows: readonly NewLetter[]): Promise<void> => {
  if (rows.length === 0) return
  const values = rows.map(valuesOf)
  await client.query(
    INSERT,
    COLUMNS.map((_, column) => values.map((row) => row[column])),
  )
}
