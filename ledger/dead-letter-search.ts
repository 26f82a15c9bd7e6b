// Finding dead letters by what they are of and why they died; newest first. Reads only.
import type { Queryable } from '../platform/postgres.ts'
import type { DeadLetter, LetterPlace } from '../topics/dead-letters.ts'
import type { PageKey } from './landings.ts'

/** open: nothing was done. replaying: sent again, not landed yet. replayed, dropped: settled. */
export const LETTER_STATES = ['open', 'replaying', 'replayed', 'dropped'] as const
export type LetterState = (typeof LETTER_STATES)[number]

export interface LetterFilter {
  /** The dead letters of this installation. */
  readonly topic: string
  /** Only these, if given. */
  readonly places?: readonly LetterPlace[]
  readonly orgId?: string
  readonly entity?: string
  readonly code?: string
  readonly runId?: string
  readonly stage?: string
  readonly states: readonly LetterState[]
}

export interface RegisteredLetter extends LetterPlace, Pick<DeadLetter, 'orgId' | 'source' | 'entity' | 'externalId'> {
  readonly stage: string
  readonly code: string
  readonly reason: string
  readonly bytes: number
  /** Null for a record that came with no page of a run. */
  readonly page: (PageKey & { readonly index: number }) | null
  readonly state: LetterState
  readonly round: number
  /** Of a replayed one: what became of the record. */
  readonly outcome: string | null
  readonly actedBy: string | null
  readonly actedAt: Date | null
  readonly dropReason: string | null
  readonly recordedAt: Date
  /** The API that it came from; null when its connection is gone. */
  readonly adapter: string | null
}

interface LetterRow extends Pick<RegisteredLetter, 'topic' | 'partition' | 'source' | 'entity' | 'stage' | 'code' | 'reason'> {
  offset: number
  org_id: string
  external_id: string | null
  bytes: number
  run_id: string | null
  range_id: number
  page: number
  attempt: number
  index: number
  state: LetterState
  round: number
  outcome: string | null
  acted_by: string | null
  acted_at: Date | null
  drop_reason: string | null
  recorded_at: Date
  adapter: string | null
}

const fromRow = (row: LetterRow): RegisteredLetter => ({
  topic: row.topic,
  partition: row.partition,
  offset: BigInt(row.offset),
  orgId: row.org_id,
  source: row.source,
  entity: row.entity,
  externalId: row.external_id,
  stage: row.stage,
  code: row.code,
  reason: row.reason,
  bytes: row.bytes,
  page:
    row.run_id === null
      ? null
      : { runId: row.run_id, rangeId: row.range_id, page: row.page, attempt: row.attempt, index: row.index },
  state: row.state,
  round: row.round,
  outcome: row.outcome,
  actedBy: row.acted_by,
  actedAt: row.acted_at,
  dropReason: row.drop_reason,
  recordedAt: row.recorded_at,
  adapter: row.adapter,
})

// A filter that is not given is null and holds for all.
const MATCHES = `d.topic = $1 and d.state = any($2::text[])
  and ($3::int[] is null or (d.partition, d."offset") in (select * from unnest($3::int[], $4::bigint[])))
  and ($5::text is null or d.org_id = $5) and ($6::text is null or d.entity = $6) and ($7::text is null or d.code = $7)
  and ($8::uuid is null or d.run_id = $8) and ($9::text is null or d.stage = $9)`

const valuesOf = ({ topic, places, orgId, entity, code, runId, stage, states }: LetterFilter): unknown[] => [
  topic,
  states,
  places?.map(({ partition }) => partition) ?? null,
  places?.map(({ offset }) => offset.toString()) ?? null,
  orgId ?? null,
  entity ?? null,
  code ?? null,
  runId ?? null,
  stage ?? null,
]

export const findLetters = async (
  client: Queryable,
  filter: LetterFilter,
  limit: number,
): Promise<readonly RegisteredLetter[]> => {
  const { rows } = await client.query<LetterRow>(
    `select d.*, coalesce(r.adapter, c.adapter) as adapter from sync.dead_letters d
     left join sync.runs r on r.run_id = d.run_id
     left join sync.connections c on (c.org_id, c.source) = (d.org_id, d.source)
     where ${MATCHES} order by d.recorded_at desc, d.partition, d."offset" desc limit $10`,
    [...valuesOf(filter), limit],
  )
  return rows.map(fromRow)
}

export interface LetterCause {
  readonly entity: string
  readonly stage: string
  readonly code: string
  readonly reason: string
  readonly count: number
  readonly newest: Date
}

/** By cause, the most frequent first; at most `limit` causes. */
export const letterCauses = async (client: Queryable, filter: LetterFilter, limit: number): Promise<readonly LetterCause[]> => {
  const { rows } = await client.query<LetterCause>(
    `select d.entity, d.stage, d.code, d.reason, count(*)::int as count, max(d.recorded_at) as newest from sync.dead_letters d
     where ${MATCHES} group by 1, 2, 3, 4 order by count(*) desc, 1, 2, 3, 4 limit $10`,
    [...valuesOf(filter), limit],
  )
  return rows
}

export const countLetters = async (client: Queryable, filter: LetterFilter): Promise<number> => {
  const { rows } = await client.query<{ n: number }>(
    `select count(*)::int as n from sync.dead_letters d where ${MATCHES}`,
    valuesOf(filter),
  )
  return rows[0]?.n ?? 0
}

/** What a command may be filtered by, as it is in the register: for suggestions. */
export const letterValues = async (client: Queryable, topic: string, column: 'org_id' | 'entity'): Promise<readonly string[]> => {
  const { rows } = await client.query<{ value: string }>(
    `select distinct ${column} as value from sync.dead_letters where topic = $1 order by 1`,
    [topic],
  )
  return rows.map(({ value }) => value)
}
