// The way that one record took: its request, its place on the raw topic and on the canonical one, its outcome. What is not there any
// more is told as a gap with its reason, never guessed.

import type { Outcome, PageKey } from '../ledger/landings.ts'
import { entityEndedAt, findOutcome, findPage, type PageFacts, pagesObservedAt, type TracedLetter } from '../ledger/trace.ts'
import type { Manifest, SourceRecord } from '../manifests/manifest.ts'
import { split } from '../manifests/split.ts'
import { findByKey, type Look, type Place } from '../platform/kafka/look.ts'
import { partitionOf } from '../platform/kafka/partition.ts'
import type { Message } from '../platform/kafka/record-batch.ts'
import type { Queryable } from '../platform/postgres.ts'
import type { RowVersion } from '../sinks/postgres/find-row.ts'
import { type CanonicalDecoder, schemaIdOf } from '../topics/canonical-codec.ts'
import { decodePageOrigin, decodeRecordOrigin, ORIGIN_HEADER } from '../topics/headers.ts'
import { CANONICAL_PARTITIONS, type Topics } from '../topics/list.ts'
import type { Subject } from './trace-subject.ts'
import { moment } from './words.ts'

/** there: it can be read. removed: retention or compaction took it. unknown: Kafka was not asked. */
type Presence = 'there' | 'removed' | 'unknown'

export interface TopicPlace extends Place {
  readonly offset: bigint
  readonly state: Presence
}

export interface CanonicalPlace extends TopicPlace {
  readonly key: string
  readonly schemaId: number
  /** By the clock of the processor that produced it. */
  readonly producedAt: Date
}

export interface Origin extends PageKey {
  readonly index: number
  /** Records of its entity on the page; null: not known. */
  readonly count: number | null
}

export interface Path {
  /** Null: it came with no run, or cannot be found any more. */
  readonly origin: Origin | null
  readonly page: PageFacts | null
  readonly raw: TopicPlace | null
  readonly canonical: CanonicalPlace | null
  readonly outcome: Outcome | null
  /** The entity had ended in the run by then. */
  readonly mergedBefore: Date | null
  /** The record as the raw page has it: for looking up what it points to, never shown. */
  readonly record: SourceRecord | null
  /** What cannot be shown, and why. */
  readonly gaps: readonly string[]
}

export interface PathDeps {
  readonly pool: Queryable
  readonly topics: Topics
  readonly manifest: Manifest
  readonly decoder: CanonicalDecoder
  /** Undefined: Kafka is away. */
  readonly look: Look | undefined
}

/** Clocks of PostgreSQL and of the processors need not agree better. */
const CLOCK_SLACK_MS = 60_000
/** Messages of a partition that are looked through for one record. */
export const MAX_LOOKED = 1_000_000

type Wanted = Pick<Subject, 'orgId' | 'source' | 'definition' | 'id' | 'externalId'>

/** The path of the version that stands in the table, or is parked (`origin` is then known). */
export const tracePath = async (
  deps: PathDeps,
  of: Wanted,
  version: RowVersion,
  known: (PageKey & { readonly index: number }) | null,
): Promise<Path> => {
  const gaps: string[] = []
  const canonical = await findCanonical(deps, of, gaps, version.observedAt, (message) =>
    known === null ? isVersion(deps, of, message, version) : isOrigin(message, known),
  )
  const origin = known ?? decodeRecordOrigin(canonical?.headers[ORIGIN_HEADER]) ?? null
  const pages = origin === null ? await pagesOf(deps, of, version) : [await findPage(deps.pool, origin)]
  const found = await findOnPages(
    deps,
    of,
    gaps,
    pages.flatMap((page) => page ?? []),
  )
  const at = origin === null ? found.origin : { ...origin, count: countOf(origin, found) }
  if (found.page === null) gaps.push(noPage(origin))
  return {
    ...(await landingOf(deps, of, at)),
    ...found,
    origin: at,
    canonical: canonical === undefined ? null : placeOf(deps, of, canonical),
    gaps,
  }
}

/** The path of a dead letter: it never was a canonical record unless the sink refused it. */
export const traceLetter = async (deps: PathDeps, of: Wanted, { origin }: TracedLetter): Promise<Path> => {
  const gaps: string[] = []
  const page = origin === null ? undefined : await findPage(deps.pool, origin)
  const found = await findOnPages(deps, of, gaps, page === undefined ? [] : [page])
  if (page === undefined) gaps.push(noPage(origin))
  const at = origin === null ? null : { ...origin, count: countOf(origin, found) }
  return { ...(await landingOf(deps, of, at)), ...found, origin: at, canonical: null, gaps }
}

const noPage = (origin: PageKey | null): string =>
  origin === null
    ? 'The request is not known: no receipt in the ledger names a page of that moment (they are kept for 30 days after the run).'
    : `The request is not known: page ${origin.page} (attempt ${origin.attempt}) has no receipt, because its worker died before writing one or it was dropped after 30 days.`

const countOf = (origin: PageKey & { count?: number | null }, found: OnPage): number | null =>
  origin.count ?? found.origin?.count ?? null

const landingOf = async ({ pool }: PathDeps, { definition }: Wanted, origin: Origin | null) => {
  if (origin === null) return { outcome: null, mergedBefore: null }
  const outcome = (await findOutcome(pool, origin, definition.entity, origin.index)) ?? null
  return { outcome, mergedBefore: await entityEndedAt(pool, origin.runId, definition.entity) }
}

export const placeOfKey = ({ topics }: PathDeps, { definition, id }: Wanted): Place => ({
  topic: topics.canonical(definition.canonical.entity),
  partition: partitionOf(id, CANONICAL_PARTITIONS),
})

const findCanonical = async (
  deps: PathDeps,
  of: Wanted,
  gaps: string[],
  since: Date,
  isIt: (message: Message) => boolean | Promise<boolean>,
): Promise<Message | undefined> => {
  if (deps.look === undefined) return undefined
  const place = placeOfKey(deps, of)
  const from = await deps.look.offsetAt(place, since.getTime() - CLOCK_SLACK_MS)
  const { found, looked, whole } = await findByKey(deps.look, place, { key: of.id, from, limit: MAX_LOOKED }, isIt)
  if (found === undefined) {
    const why = whole
      ? 'compaction keeps only the newest record of a key'
      : `only ${looked.toLocaleString('en-US')} were looked at`
    gaps.push(
      `The canonical record is not among those on ${place.topic}, partition ${place.partition}, since ${moment(since)}: ${why}.`,
    )
  }
  return found
}

const isOrigin = ({ headers }: Message, { runId, rangeId, page, attempt, index }: PageKey & { index: number }): boolean => {
  const origin = decodeRecordOrigin(headers[ORIGIN_HEADER])
  return (
    origin?.runId === runId &&
    origin.rangeId === rangeId &&
    origin.page === page &&
    origin.attempt === attempt &&
    origin.index === index
  )
}

const isVersion = async ({ decoder }: PathDeps, of: Wanted, { value }: Message, version: RowVersion): Promise<boolean> => {
  if (value === null) return false
  await decoder.prepare([value])
  try {
    const record = decoder.decode(of.definition.canonical.entity, value)
    return (
      record.observedAt === version.observedAt.getTime() &&
      record.mappingRevision === version.mappingRevision &&
      record.sourceUpdatedAt === (version.sourceUpdatedAt?.getTime() ?? null)
    )
  } catch {
    // A record that cannot be read made no row.
    return false
  }
}

const placeOf = (deps: PathDeps, of: Wanted, { offset, value, timestamp }: Message): CanonicalPlace => ({
  ...placeOfKey(deps, of),
  offset,
  state: 'there',
  key: of.id,
  schemaId: schemaIdOf(value),
  producedAt: new Date(timestamp),
})

const pagesOf = ({ pool, manifest }: PathDeps, of: Wanted, { observedAt }: RowVersion): Promise<readonly PageFacts[]> => {
  const { entity, carriedBy } = manifest.get(of.definition.entity)
  return pagesObservedAt(pool, of, carriedBy === undefined ? [entity] : [entity, carriedBy.carrier], observedAt)
}

interface OnPage {
  readonly page: PageFacts | null
  readonly raw: TopicPlace | null
  readonly record: SourceRecord | null
  readonly origin: Origin | null
}

const NOWHERE: OnPage = { page: null, raw: null, record: null, origin: null }

/** Of pages that may have the record the one that has it; where their bytes are gone, the only one. */
const findOnPages = async (deps: PathDeps, of: Wanted, gaps: string[], pages: readonly PageFacts[]): Promise<OnPage> => {
  const looked: OnPage[] = []
  for (const page of pages) looked.push(await lookOnPage(deps, of, page))
  const only = looked.length === 1 ? looked[0] : undefined
  const found = looked.find(({ record }) => record !== null) ?? only ?? NOWHERE
  if (found.raw?.state === 'removed') gaps.push('The raw page is removed: raw topics keep pages for 7 days.')
  if (found.page !== null && found.raw === null) gaps.push('The page was not produced: it could not be received whole.')
  return found
}

const lookOnPage = async (deps: PathDeps, of: Wanted, page: PageFacts): Promise<OnPage> => {
  if (page.rawPartition < 0) return { ...NOWHERE, page }
  const place = { topic: deps.topics.raw(deps.manifest.adapter), partition: page.rawPartition }
  const message = await deps.look?.at(place, page.rawOffset)
  const state = deps.look === undefined ? 'unknown' : message === undefined ? 'removed' : 'there'
  const raw = { ...place, offset: page.rawOffset, state } as const
  const records = message === undefined ? [] : recordsOn(deps, of, message)
  const index = records.findIndex(({ externalId }) => externalId === of.externalId)
  const record = records[index] ?? null
  const { runId, rangeId, page: number, attempt } = page
  const origin = record === null ? null : { runId, rangeId, page: number, attempt, index, count: records.length }
  return { page, raw, record, origin }
}

/** None where the message is not a page that this version can read: then it has told nothing. */
const recordsOn = ({ manifest }: PathDeps, of: Wanted, { value, headers }: Message): readonly SourceRecord[] => {
  try {
    const { entity, carries } = decodePageOrigin(headers)
    const body: unknown = JSON.parse((value ?? Buffer.alloc(0)).toString())
    return split(manifest, entity, carries, body).get(of.definition.entity) ?? []
  } catch {
    return []
  }
}
