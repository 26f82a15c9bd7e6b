// The page that a record came on: a receipt, or the place of an attempt without one, goes in; its place on the raw topic and the
// record on it come out.
import type { PageKey } from '../ledger/landings.ts'
import type { PageFacts } from '../ledger/trace.ts'
import type { SourceRecord } from '../manifests/manifest.ts'
import { split } from '../manifests/split.ts'
import { goneIn } from '../manifests/tombstone.ts'
import { parseExactJson } from '../platform/exact-json.ts'
import { findByKey, type Look, type Place } from '../platform/kafka/look.ts'
import { partitionOf } from '../platform/kafka/partition.ts'
import type { Message } from '../platform/kafka/record-batch.ts'
import type { CanonicalDecoder } from '../topics/canonical-codec.ts'
import { rangeKey } from '../topics/commands.ts'
import { decodePageOrigin, originPrefix } from '../topics/headers.ts'
import { RAW_PARTITIONS, type Topics } from '../topics/list.ts'
import { type Subject, type SubjectDeps, tellersOf } from './trace-subject.ts'

/** there: it can be read. removed: retention or compaction took it. unknown: Kafka was not asked. */
type Presence = 'there' | 'removed' | 'unknown'

export interface TopicPlace extends Place {
  readonly offset: bigint
  readonly state: Presence
}

export interface Origin extends PageKey {
  /** Under which name the ledger has it, where that is not the row's own. */
  readonly entity?: string
  readonly index: number
  /** Records of its entity on the page; null: not known. */
  readonly count: number | null
}

export interface PathDeps extends SubjectDeps {
  readonly topics: Topics
  readonly decoder: CanonicalDecoder
  /** Undefined: Kafka is away. */
  readonly look: Look | undefined
}

/** Clocks of PostgreSQL and of the processors need not agree better. */
export const CLOCK_SLACK_MS = 60_000
const MAX_PAGES_LOOKED = 2_000

export type Wanted = Pick<Subject, 'orgId' | 'source' | 'definition' | 'id' | 'externalId'>

/** Whose pages may have the record. */
export const walkersOf = (deps: PathDeps, of: Wanted): readonly string[] =>
  tellersOf(deps, of.definition).flatMap((entity) => {
    const { carriedBy } = deps.manifest.get(entity)
    return carriedBy === undefined ? [entity] : [entity, carriedBy.carrier]
  })

/** The part of an origin that says under which name the ledger has the record. */
export const calledIn = ({ definition }: Wanted, entity: string): Pick<Origin, 'entity'> =>
  entity === definition.entity ? {} : { entity }

export interface OnPage {
  readonly page: PageFacts | null
  readonly raw: TopicPlace | null
  readonly record: SourceRecord | null
  readonly origin: Origin | null
}

const NOWHERE: OnPage = { page: null, raw: null, record: null, origin: null }

/** Of pages that may have the record the one that has it; where their bytes are gone, the only one. */
export const findOnPages = async (deps: PathDeps, of: Wanted, gaps: string[], pages: readonly PageFacts[]): Promise<OnPage> => {
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
  const { record, ...at } = recordOn(deps, of, message)
  const { runId, rangeId, page: number, attempt } = page
  return { page, raw, record, origin: record === null ? null : { runId, rangeId, page: number, attempt, ...at } }
}

const recordOn = (deps: PathDeps, of: Wanted, message: Message | undefined) => {
  const records = message === undefined ? [] : recordsOn(deps, of, message)
  const index = records.findIndex(({ externalId }) => externalId === of.externalId)
  const record = records[index] ?? null
  return { record, index, count: records.length, ...(record === null ? {} : calledIn(of, record.entity)) }
}

/** A worker may die between page and receipt: the page is then on the raw topic all the same, and its records may be merged. */
export const searchRaw = async (
  deps: PathDeps,
  of: Wanted,
  origin: PageKey & { readonly index: number },
  since: Date,
): Promise<OnPage> => {
  const { look, topics, manifest } = deps
  if (look === undefined) return NOWHERE
  for (const entity of walkersOf(deps, of)) {
    const key = rangeKey({ orgId: of.orgId, entity, rangeId: origin.rangeId })
    const place = { topic: topics.raw(manifest.adapter), partition: partitionOf(key, RAW_PARTITIONS) }
    const from = await look.offsetAt(place, since.getTime() - CLOCK_SLACK_MS)
    const { found } = await findByKey(look, place, { key, from, limit: MAX_PAGES_LOOKED }, (page) => isPage(page, origin))
    if (found === undefined) continue
    const { record, count } = recordOn(deps, of, found)
    return { page: null, raw: { ...place, offset: found.offset, state: 'there' }, record, origin: { ...origin, count } }
  }
  return NOWHERE
}

const isPage = ({ headers }: Message, { runId, rangeId, page, attempt }: PageKey): boolean =>
  originPrefix({ runId, rangeId, page, attempt }) ===
  `${headers['run']}/${headers['range']}/${headers['page']}/${headers['attempt']}/`

/** Those of the one entity that says something of the row. None where the message is not a page that this version can read: then it has told nothing. */
const recordsOn = (deps: PathDeps, of: Wanted, { value, headers }: Message): readonly SourceRecord[] => {
  try {
    const { entity, carries, gone } = decodePageOrigin(headers)
    const body = parseExactJson((value ?? Buffer.alloc(0)).toString())
    if (gone === true) return [{ entity, externalId: goneIn(body) ?? null, attributes: null, related: {}, raw: body }]
    const all = split(deps.manifest, entity, carries, body)
    const teller = tellersOf(deps, of.definition).find((name) => all.has(name))
    return all.get(teller ?? '') ?? []
  } catch {
    return []
  }
}
