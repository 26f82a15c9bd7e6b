// One raw page to canonical messages and dead letters: split, validate, map, encode. Pure; never throws because of what a page holds.

import { createIdentity } from '../manifests/identity.ts'
import type { EntityDefinition, Manifest, SourceRecord } from '../manifests/manifest.ts'
import { createMapper, type Mapper } from '../manifests/map.ts'
import { split } from '../manifests/split.ts'
import { goneIn, tombstoneOf } from '../manifests/tombstone.ts'
import { messageOf, SynclineError } from '../platform/errors.ts'
import { parseExactJson, printExactJson } from '../platform/exact-json.ts'
import { jsonTextOf } from '../platform/json-bytes.ts'
import type { OutgoingMessage } from '../platform/kafka/record-batch.ts'
import { encodeCanonical } from '../topics/canonical-codec.ts'
import { type DeadLetter, deadLetterMessage, decodePlace, type LetterPlace, REPLAY_HEADER } from '../topics/dead-letters.ts'
import {
  decodePageOrigin,
  decodeRecordOrigin,
  encodeParents,
  encodeRecordOrigin,
  type Headers,
  ORIGIN_HEADER,
  originPrefix,
  PARENTS_HEADER,
  type PageOrigin,
  type ParentIds,
  type RecordOrigin,
} from '../topics/headers.ts'
import { createElementBytes } from './record-bytes.ts'

export interface RawPage {
  readonly value: Buffer | null
  readonly headers: Headers
}

export interface Transformed {
  /** Canonical entity to its messages, in the order of the page. */
  readonly canonical: ReadonlyMap<string, readonly OutgoingMessage[]>
  readonly deadLetters: readonly OutgoingMessage[]
  readonly records: number
}

export interface TransformDeps {
  readonly manifest: Manifest
  /** Schema id of each canonical entity. */
  readonly schemaIds: ReadonlyMap<string, number>
  /** The canonical entity whose records alone are wanted; default: all. */
  readonly only?: string
}

/** A canonical record above this does not fit its topic's messages (Kafka's default of 1 MiB, with room for headers). */
const MAX_RECORD_BYTES = 1_000_000

export type Transform = (page: RawPage) => Transformed

/** Keeps one mapper per organisation and source, which remembers what ids are made from. */
export const createTransform = (deps: TransformDeps): Transform => {
  const mappers = new Map<string, Mapper>()
  const mapperOf = (orgId: string, source: string): Mapper => {
    const key = `${orgId}/${source}`
    let mapper = mappers.get(key)
    if (mapper === undefined) {
      mapper = createMapper(orgId, source)
      mappers.set(key, mapper)
    }
    return mapper
  }
  return (page) => {
    const opened = openPage(page)
    if (!opened.ok) return { canonical: new Map(), deadLetters: [opened.deadLetter], records: 0 }
    try {
      if (opened.origin.gone === true) return transformGone(deps, opened)
      return transformPage(deps, mapperOf(opened.origin.orgId, opened.origin.source), opened)
    } catch (error) {
      // An entity that this version does not have: of a newer fetcher, or a message that is not ours.
      return { canonical: new Map(), deadLetters: [unreadable(page.headers, opened.bytes, messageOf(error))], records: 0 }
    }
  }
}

interface OpenedPage {
  readonly ok: true
  readonly origin: PageOrigin
  readonly replayed: Replayed | undefined
  readonly bytes: Buffer
  readonly body: unknown
}

/** A page of one record that had died: it keeps the place that it had in the page it came with. */
interface Replayed {
  readonly record: RecordOrigin
  readonly letter: LetterPlace
  readonly headers: Headers
}

const replayedIn = (headers: Headers): Replayed | undefined => {
  const [record, letter] = [decodeRecordOrigin(headers[ORIGIN_HEADER]), decodePlace(headers[REPLAY_HEADER])]
  if (record === undefined || letter === undefined) return undefined
  const kept = { [ORIGIN_HEADER]: headers[ORIGIN_HEADER] ?? '', [REPLAY_HEADER]: headers[REPLAY_HEADER] ?? '' }
  return { record, letter, headers: kept }
}

const openPage = ({ value, headers }: RawPage): OpenedPage | { ok: false; deadLetter: OutgoingMessage } => {
  const bytes = value ?? Buffer.alloc(0)
  try {
    const [origin, replayed] = [decodePageOrigin(headers), replayedIn(headers)]
    return { ok: true, origin, replayed, bytes, body: parseExactJson(jsonTextOf(bytes)) }
  } catch (error) {
    const why = error instanceof SyntaxError ? 'its value is not JSON' : messageOf(error)
    return { ok: false, deadLetter: unreadable(headers, bytes, why) }
  }
}

const unreadable = (headers: Headers, bytes: Buffer, why: string): OutgoingMessage =>
  deadLetterMessage(
    {
      orgId: headers['org'] ?? 'unknown',
      source: headers['source'] ?? 'unknown',
      entity: headers['entity'] ?? 'unknown',
      externalId: null,
      stage: 'process',
      code: 'unreadable',
      reason: `The raw message is not a page: ${why}`,
      origin: undefined,
    },
    bytes,
  )

/** A row that the source was asked for and does not have: its tombstone. */
const transformGone = ({ manifest, schemaIds, only }: TransformDeps, { origin, body }: OpenedPage): Transformed => {
  const { entity: name, orgId, source, observedAt, traceparent } = origin
  const definition = manifest.get(name)
  const { entity } = definition.canonical
  const externalId = goneIn(body)
  if (externalId === undefined) throw new SynclineError('internal', 'The page names no row that is gone')
  if (only !== undefined && entity !== only) return { canonical: new Map(), deadLetters: [], records: 0 }
  const record = tombstoneOf(definition, externalId, { orgId, source, observedAt, identity: createIdentity(orgId, source) })
  const value = encodeCanonical(entity, schemaIds.get(entity) ?? -1, record)
  const headers = headersOf(encodeRecordOrigin(prefixOf(definition, origin), 0, 1), traceparent, [])
  return { canonical: new Map([[entity, [{ key: record.id, value, headers }]]]), deadLetters: [], records: 1 }
}

/** The ledger awaits a record under its definition's name. */
const prefixOf = ({ entity, canonical }: EntityDefinition, page: PageOrigin): string => {
  const { runId, rangeId, page: number, attempt } = page
  const place = { runId, rangeId, page: number, attempt }
  return originPrefix(canonical.entity === entity ? place : { ...place, entity })
}

const transformPage = (
  { manifest, schemaIds, only }: TransformDeps,
  mapper: Mapper,
  { origin, replayed, bytes, body }: OpenedPage,
): Transformed => {
  const canonical = new Map<string, OutgoingMessage[]>()
  const deadLetters: OutgoingMessage[] = []
  const { observedAt, traceparent } = origin
  const bytesOf = createElementBytes(bytes, body)
  let total = 0
  for (const [entity, records] of split(manifest, origin.entity, origin.carries, body)) {
    const definition = manifest.get(entity)
    if (only !== undefined && definition.canonical.entity !== only) continue
    const schemaId = schemaIds.get(definition.canonical.entity) ?? -1
    const prefix = prefixOf(definition, origin)
    const out = canonical.get(definition.canonical.entity) ?? []
    canonical.set(definition.canonical.entity, out)
    const count = records.length
    total += count
    records.forEach((record, index) => {
      const encoded = encodeRecord(mapper, definition, record, observedAt, schemaId)
      if (encoded.ok) {
        out.push({
          key: encoded.id,
          value: encoded.value,
          headers:
            replayed === undefined
              ? headersOf(encodeRecordOrigin(prefix, index, count), traceparent, encoded.parents)
              : { ...headersOf('', traceparent, encoded.parents), ...replayed.headers },
        })
        return
      }
      const { runId, rangeId, page, attempt, orgId, source } = origin
      const { externalId, code, reason } = encoded
      const at = replayed?.record ?? { runId, rangeId, page, attempt, index, count }
      const why = { stage: 'process', code, reason, origin: at, observedAt, traceparent, replays: replayed?.letter } as const
      const letter: DeadLetter = { orgId, source, entity, externalId, ...why }
      // A record that was derived from another has no bytes of its own: it is printed.
      const value = bytesOf(record.raw) ?? Buffer.from(printExactJson(record.raw))
      deadLetters.push(deadLetterMessage(letter, value))
    })
  }
  return { canonical, deadLetters, records: total }
}

const headersOf = (origin: string, traceparent: string, parents: ParentIds): Headers =>
  parents.length === 0
    ? { [ORIGIN_HEADER]: origin, traceparent }
    : { [ORIGIN_HEADER]: origin, traceparent, [PARENTS_HEADER]: encodeParents(parents) }

type Encoded =
  | { readonly ok: true; readonly id: string; readonly value: Buffer; readonly parents: ParentIds }
  | (Pick<DeadLetter, 'code' | 'reason' | 'externalId'> & { readonly ok: false })

const encodeRecord = (
  mapper: Mapper,
  definition: EntityDefinition,
  record: SourceRecord,
  observedAt: number,
  schemaId: number,
): Encoded => {
  const mapped = mapper(definition, record, observedAt)
  if (!mapped.ok) return mapped
  const { externalId } = record
  try {
    const value = encodeCanonical(definition.canonical.entity, schemaId, mapped.record)
    if (value.length <= MAX_RECORD_BYTES) return { ok: true, id: mapped.record.id, value, parents: mapped.parents }
    return {
      ok: false,
      code: 'too-large',
      reason: `The record has ${value.length} bytes; at most ${MAX_RECORD_BYTES} fit`,
      externalId,
    }
  } catch (error) {
    return { ok: false, code: 'encoding', reason: messageOf(error), externalId }
  }
}
