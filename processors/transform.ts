// One raw page to canonical messages and dead letters: split, validate, map, encode. Pure; never throws because of what a page holds.
import type { EntityDefinition, Manifest } from '../manifests/manifest.ts'
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
  encodeRecordOrigin,
  type Headers,
  ORIGIN_HEADER,
  originPrefix,
  type PageOrigin,
  type RecordOrigin,
} from '../topics/headers.ts'
import { encodeRecord, headersOf } from './encode.ts'
import { createElementBytes } from './record-bytes.ts'
import { unreadable } from './unreadable.ts'

export interface RawPage {
  readonly value: Buffer | null
  readonly headers: Headers
}

export interface Transformed {
  /** Canonical entity to its messages, in the order of the page. */
  readonly canonical: ReadonlyMap<string, readonly OutgoingMessage[]>
  readonly deadLetters: readonly OutgoingMessage[]
  /** For sync.asks. */
  readonly asks: readonly OutgoingMessage[]
  readonly records: number
}

export interface TransformDeps {
  readonly manifest: Manifest
  /** Schema id of each canonical entity. */
  readonly schemaIds: ReadonlyMap<string, number>
  /** The canonical entity whose records alone are wanted; default: all. */
  readonly only?: string
}

export type Transform = (page: RawPage) => Transformed

export const NOTHING: Transformed = { canonical: new Map(), deadLetters: [], asks: [], records: 0 }

/** Keeps one mapper per organisation and source, which remembers what ids are made from. */
export const createMappers = (): ((orgId: string, source: string) => Mapper) => {
  const mappers = new Map<string, Mapper>()
  return (orgId, source) => {
    const key = `${orgId}/${source}`
    let mapper = mappers.get(key)
    if (mapper === undefined) {
      mapper = createMapper(orgId, source)
      mappers.set(key, mapper)
    }
    return mapper
  }
}

export const createTransform = (deps: TransformDeps): Transform => {
  const mapperOf = createMappers()
  return (page) => {
    const opened = openPage(page)
    if (!opened.ok) return { ...NOTHING, deadLetters: [opened.deadLetter] }
    try {
      if (opened.origin.gone === true) return transformGone(deps, opened)
      return transformPage(deps, mapperOf(opened.origin.orgId, opened.origin.source), opened)
    } catch (error) {
      // An entity that this version does not have: of a newer fetcher, or a message that is not ours.
      return { ...NOTHING, deadLetters: [notAPage(page.headers, opened.bytes, messageOf(error))] }
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
    return { ok: false, deadLetter: notAPage(headers, bytes, why) }
  }
}

const notAPage = (headers: Headers, bytes: Buffer, why: string): OutgoingMessage =>
  unreadable(headers, bytes, `The raw message is not a page: ${why}`)

/** A row that the source was asked for and does not have: its tombstone. */
const transformGone = ({ manifest, schemaIds, only }: TransformDeps, { origin, body }: OpenedPage): Transformed => {
  const { entity: name, orgId, source, observedAt, traceparent } = origin
  const definition = manifest.get(name)
  const { entity } = definition.canonical
  const externalId = goneIn(body)
  if (externalId === undefined) throw new SynclineError('internal', 'The page names no row that is gone')
  if (only !== undefined && entity !== only) return NOTHING
  const record = tombstoneOf(definition, externalId, { orgId, source, observedAt })
  const value = encodeCanonical(entity, schemaIds.get(entity) ?? -1, record)
  const headers = headersOf(encodeRecordOrigin(originPrefix(placeOn(origin, definition)), 0, 1), traceparent, [])
  return { ...NOTHING, canonical: new Map([[entity, [{ key: record.id, value, headers }]]]), records: 1 }
}

/** The ledger awaits a record under its definition's name. */
const placeOn = ({ runId, rangeId, page, attempt }: PageOrigin, { entity, canonical }: EntityDefinition) => ({
  ...{ runId, rangeId, page, attempt },
  ...(canonical.entity === entity ? {} : { entity }),
})

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
    const place = placeOn(origin, definition)
    const prefix = originPrefix(place)
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
              : { ...headersOf(undefined, traceparent, encoded.parents), ...replayed.headers },
        })
        return
      }
      const { orgId, source } = origin
      const { externalId, code, reason } = encoded
      const at = replayed?.record ?? { ...place, index, count }
      const why = { stage: 'process', code, reason, origin: at, observedAt, traceparent, replays: replayed?.letter } as const
      const letter: DeadLetter = { orgId, source, entity, externalId, ...why }
      // A record that was derived from another has no bytes of its own: it is printed.
      const value = bytesOf(record.raw) ?? Buffer.from(printExactJson(record.raw))
      deadLetters.push(deadLetterMessage(letter, value))
    })
  }
  return { canonical, deadLetters, asks: [], records: total }
}
