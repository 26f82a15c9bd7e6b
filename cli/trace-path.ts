// The way that one record took: its request, its place on the raw topic and on the canonical one, its outcome. What is not there any
// more is told as a gap with its reason, never guessed.
import type { Outcome, PageKey } from '../ledger/landings.ts'
import { entityEndedAt, findOutcome, findPage, type PageFacts, pagesObservedAt, type TracedLetter } from '../ledger/trace.ts'
import type { SourceRecord } from '../manifests/manifest.ts'
import { findByKey, type Place } from '../platform/kafka/look.ts'
import { partitionOf } from '../platform/kafka/partition.ts'
import type { Message } from '../platform/kafka/record-batch.ts'
import type { RowVersion } from '../sinks/postgres/find-row.ts'
import { schemaIdOf } from '../topics/canonical-codec.ts'
import { decodeRecordOrigin, ORIGIN_HEADER } from '../topics/headers.ts'
import { CANONICAL_PARTITIONS } from '../topics/list.ts'
import { notBefore } from './trace-delivery.ts'
import { findLive, type LivePath } from './trace-live.ts'
import {
  CLOCK_SLACK_MS,
  calledIn,
  findOnPages,
  type OnPage,
  type Origin,
  type PathDeps,
  searchRaw,
  type TopicPlace,
  type Wanted,
  walkersOf,
} from './trace-page.ts'
import { moment } from './words.ts'

export interface CanonicalPlace extends TopicPlace {
  readonly key: string
  readonly schemaId: number
  /** By the clock of the processor that produced it. */
  readonly producedAt: Date
}

export interface Path {
  /** Null: it came with no run, or cannot be found any more. */
  readonly origin: Origin | null
  readonly page: PageFacts | null
  readonly raw: TopicPlace | null
  /** What of the live topic made it: deliveries and questions belong to no run. */
  readonly live: LivePath | null
  readonly canonical: CanonicalPlace | null
  readonly outcome: Outcome | null
  /** The entity had ended in the run by then. */
  readonly mergedBefore: Date | null
  /** The record as the raw page has it: for looking up what it points to, never shown. */
  readonly record: SourceRecord | null
  /** What cannot be shown, and why. */
  readonly gaps: readonly string[]
}

/** Messages of a partition that are looked through for one record. */
export const MAX_LOOKED = 1_000_000

/** The path of the version that stands in the table, or is parked (`origin` is then known). */
export const tracePath = async (
  deps: PathDeps,
  of: Wanted,
  version: RowVersion,
  known: (PageKey & { readonly index: number }) | null,
): Promise<Path> => {
  const gaps: string[] = []
  const canonical = await findCanonical(deps, of, gaps, notBefore(version), (message) =>
    known === null ? isVersion(deps, of, message, version) : isOrigin(message, known),
  )
  const origin = known ?? decodeRecordOrigin(canonical?.headers[ORIGIN_HEADER]) ?? null
  const pages = origin === null ? await pagesOf(deps, of, version) : [await findPage(deps.pool, origin)]
  const receipts = pages.flatMap((page) => page ?? [])
  const found =
    origin !== null && receipts.length === 0
      ? await searchRaw(deps, of, origin, version.observedAt)
      : await findOnPages(deps, of, gaps, receipts)
  const at = origin === null ? found.origin : { ...origin, count: countOf(origin, found) }
  const live = origin === null && found.page === null ? await findLive(deps, of, version) : null
  if (found.page === null && live === null) gaps.push(noPage(origin, receipts.length))
  if (live !== null && live.delivery === null) gaps.push(NOT_TOLD)
  return {
    ...(await landingOf(deps, of, at)),
    ...found,
    live,
    origin: at,
    canonical: canonical === undefined ? null : placeOf(deps, of, canonical),
    gaps,
  }
}

/** The path of a dead letter: it never was a canonical record unless the sink refused it. */
export const traceLetter = async (deps: PathDeps, of: Wanted, { origin, entity }: TracedLetter): Promise<Path> => {
  const gaps: string[] = []
  const page = origin === null ? undefined : await findPage(deps.pool, origin)
  const found = await findOnPages(deps, of, gaps, page === undefined ? [] : [page])
  if (page === undefined) gaps.push(noPage(origin, 0))
  const at = origin === null ? null : { ...origin, ...calledIn(of, entity), count: countOf(origin, found) }
  return { ...(await landingOf(deps, of, at)), ...found, live: null, origin: at, canonical: null, gaps }
}

const NOT_TOLD =
  'No delivery of the hour before names it: it was asked for because a parked record waits for it, or the live topic has removed the delivery (7 days).'

const noPage = (origin: PageKey | null, candidates: number): string => {
  if (candidates > 0) return `The request is not known: ${candidates} pages were asked for at that moment, and none can be read.`
  return origin === null
    ? 'The request is not known: no receipt in the ledger names a page of that moment (they are kept for 30 days after the run), and nothing on the live topic (7 days).'
    : `The request is not known: page ${origin.page} (attempt ${origin.attempt}) has no receipt, because its worker died before writing one or it was dropped after 30 days.`
}

const countOf = (origin: PageKey & { count?: number | null }, found: OnPage): number | null =>
  origin.count ?? found.origin?.count ?? null

const landingOf = async ({ pool }: PathDeps, { definition }: Wanted, origin: Origin | null) => {
  if (origin === null) return { outcome: null, mergedBefore: null }
  const { entity = definition.entity } = origin
  const outcome = (await findOutcome(pool, origin, entity, origin.index)) ?? null
  return { outcome, mergedBefore: await entityEndedAt(pool, origin.runId, entity) }
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

const pagesOf = (deps: PathDeps, of: Wanted, { observedAt }: RowVersion): Promise<readonly PageFacts[]> =>
  pagesObservedAt(deps.pool, of, walkersOf(deps, of), observedAt)
