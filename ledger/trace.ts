// Where one record came from, as the ledger knows it: its page attempt with request and place on the raw topic, its outcome, its
// dead letters. Goes in an origin or an id; what retention has dropped is undefined.
import type { Queryable } from '../platform/postgres.ts'
import type { LetterState } from './dead-letter-search.ts'
import { OUTCOMES, type Outcome, type PageKey } from './landings.ts'

export interface PageFacts extends PageKey {
  /** Whose walk the page is of: the record's own entity, or its carrier. */
  readonly entity: string
  /** False: another attempt at the same page counts. */
  readonly accepted: boolean
  /** -1: the page was not produced, because it could not be received whole. */
  readonly rawPartition: number
  readonly rawOffset: bigint
  readonly bytes: number
  /** Path and query. */
  readonly request: string
  /** Start of the request. */
  readonly observedAt: Date
  /** When the receipt was written. */
  readonly receivedAt: Date
}

interface PageRow {
  run_id: string
  range_id: number
  page: number
  attempt: number
  entity: string
  accepted: boolean
  raw_partition: number
  raw_offset: number
  bytes: number
  request: string
  observed_at: Date
  received_at: Date
}

const PAGE_COLUMNS =
  'p.run_id, p.range_id, p.page, p.attempt, p.entity, p.accepted, p.raw_partition, p.raw_offset, p.bytes, p.request, p.observed_at, p.received_at'

const pageFacts = (row: PageRow): PageFacts => ({
  runId: row.run_id,
  rangeId: row.range_id,
  page: row.page,
  attempt: row.attempt,
  entity: row.entity,
  accepted: row.accepted,
  rawPartition: row.raw_partition,
  rawOffset: BigInt(row.raw_offset),
  bytes: row.bytes,
  request: row.request,
  observedAt: row.observed_at,
  receivedAt: row.received_at,
})

/** The receipt of a page attempt; undefined: none was written, or retention has dropped it. */
export const findPage = async (client: Queryable, key: PageKey): Promise<PageFacts | undefined> => {
  const { rows } = await client.query<PageRow>(
    `select ${PAGE_COLUMNS} from sync.pages p where p.run_id = $1 and p.range_id = $2 and p.page = $3 and p.attempt = $4`,
    [key.runId, key.rangeId, key.page, key.attempt],
  )
  return rows[0] && pageFacts(rows[0])
}

/** Receipts of pages of these entities whose request began at this moment: where a row of this observed_at may come from. */
export const pagesObservedAt = async (
  client: Queryable,
  owner: { readonly orgId: string; readonly source: string },
  entities: readonly string[],
  observedAt: Date,
): Promise<readonly PageFacts[]> => {
  const { rows } = await client.query<PageRow>(
    `select ${PAGE_COLUMNS} from sync.runs r join sync.pages p on p.run_id = r.run_id
     where r.org_id = $1 and r.source = $2 and r.created_at <= $4 and coalesce(r.ended_at, 'infinity') >= $4
       and p.entity = any($3) and p.observed_at = $4 order by p.run_id, p.range_id, p.page, p.attempt`,
    [owner.orgId, owner.source, entities, observedAt],
  )
  return rows.map(pageFacts)
}

/** What became of one record of a page attempt; undefined: nothing is recorded yet, or retention has dropped it. */
export const findOutcome = async (
  client: Queryable,
  key: PageKey,
  entity: string,
  index: number,
): Promise<Outcome | undefined> => {
  const bits = OUTCOMES.map((outcome) => `get_bit(${outcome}, $6) = 1 as ${outcome}`).join(', ')
  const { rows } = await client.query<Record<Outcome, boolean>>(
    `select ${bits} from sync.landings
     where run_id = $1 and range_id = $2 and page = $3 and attempt = $4 and entity = $5 and expected > $6`,
    [key.runId, key.rangeId, key.page, key.attempt, entity, index],
  )
  return OUTCOMES.find((outcome) => rows[0]?.[outcome] === true)
}

/** When an entity of a run had ended: whatever the run merged was merged before. */
export const entityEndedAt = async (client: Queryable, runId: string, entity: string): Promise<Date | null> => {
  const { rows } = await client.query<{ ended_at: Date | null }>(
    'select ended_at from sync.run_entities where run_id = $1 and entity = $2',
    [runId, entity],
  )
  return rows[0]?.ended_at ?? null
}

export interface TracedLetter {
  /** Its own, or another that says something of the row. */
  readonly entity: string
  readonly source: string
  readonly externalId: string
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
  readonly bytes: number
  readonly stage: string
  readonly code: string
  readonly reason: string
  readonly state: LetterState
  /** Of a replayed one: what became of the record. */
  readonly outcome: string | null
  readonly recordedAt: Date
  /** Which record of which page attempt it is; null: it belongs to no run. */
  readonly origin: (PageKey & { readonly index: number }) | null
}

interface LetterRow {
  entity: string
  source: string
  external_id: string
  topic: string
  partition: number
  offset: number
  bytes: number
  stage: string
  code: string
  reason: string
  state: LetterState
  outcome: string | null
  recorded_at: Date
  run_id: string | null
  range_id: number
  page: number
  attempt: number
  index: number
}

const tracedLetter = (row: LetterRow): TracedLetter => ({
  entity: row.entity,
  source: row.source,
  externalId: row.external_id,
  topic: row.topic,
  partition: row.partition,
  offset: BigInt(row.offset),
  bytes: row.bytes,
  stage: row.stage,
  code: row.code,
  reason: row.reason,
  state: row.state,
  outcome: row.outcome,
  recordedAt: row.recorded_at,
  origin:
    row.run_id === null
      ? null
      : { runId: row.run_id, rangeId: row.range_id, page: row.page, attempt: row.attempt, index: row.index },
})

const MAX_LETTERS = 20

/** Dead letters about one row, newest first; at most 20. */
export const lettersOf = async (
  client: Queryable,
  of: {
    readonly orgId: string
    readonly sources: readonly string[]
    readonly entities: readonly string[]
    readonly externalId: string
  },
): Promise<readonly TracedLetter[]> => {
  const { rows } = await client.query<LetterRow>(
    `select entity, source, external_id, topic, partition, "offset", bytes, stage, code, reason, state, outcome, recorded_at,
       run_id, range_id, page, attempt, index from sync.dead_letters
     where org_id = $1 and source = any($2) and entity = any($3) and external_id = $4
     order by recorded_at desc, partition, "offset" desc limit ${MAX_LETTERS}`,
    [of.orgId, of.sources, of.entities, of.externalId],
  )
  return rows.map(tracedLetter)
}

/** External ids of these entities' dead letters: a canonical id is a hash, so whoever has only that tries each. */
export const lettersNamed = async (
  client: Queryable,
  orgId: string,
  entities: readonly string[],
  limit: number,
): Promise<readonly { readonly source: string; readonly externalId: string }[]> => {
  const { rows } = await client.query<{ source: string; external_id: string }>(
    `select distinct source, external_id from sync.dead_letters
     where org_id = $1 and entity = any($2) and external_id is not null limit $3`,
    [orgId, entities, limit],
  )
  return rows.map((row) => ({ source: row.source, externalId: row.external_id }))
}
