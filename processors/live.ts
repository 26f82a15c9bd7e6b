// One message of raw.<adapter>.live to canonical messages, asks and dead letters: a delivery of a webhook, or the answer to a question
// for one record. Pure; never throws because of what a message holds.
// Must hold: what a delivery says is a hint (topics/hints.ts); what nothing could ever order becomes an ask and no record.
import type { EntityDefinition, SourceRecord, ToldEvent } from '../manifests/manifest.ts'
import type { Mapper } from '../manifests/map.ts'
import { split } from '../manifests/split.ts'
import { tombstoneOf } from '../manifests/tombstone.ts'
import { messageOf } from '../platform/errors.ts'
import { parseExactJson } from '../platform/exact-json.ts'
import { jsonTextOf } from '../platform/json-bytes.ts'
import type { OutgoingMessage } from '../platform/kafka/record-batch.ts'
import { askMessage, parentsByColumn } from '../topics/asks.ts'
import { type DeadLetter, deadLetterMessage, decodePlace, REPLAY_HEADER } from '../topics/dead-letters.ts'
import type { Headers, ParentIds } from '../topics/headers.ts'
import { HINT_OBSERVED_AT, HINT_REVISION } from '../topics/hints.ts'
import { decodeLiveOrigin, type LiveOrigin } from '../topics/live.ts'
import { type Encoded, encodeMapped, encodeRecord, type Failed, headersOf } from './encode.ts'
import { createElementBytes } from './record-bytes.ts'
import { createMappers, type Transform, type TransformDeps, type Transformed } from './transform.ts'
import { unreadable } from './unreadable.ts'

/** What one message becomes, gathered step by step. */
interface Output {
  readonly canonical: Map<string, OutgoingMessage[]>
  readonly deadLetters: OutgoingMessage[]
  readonly asks: OutgoingMessage[]
}

interface Step {
  readonly deps: TransformDeps
  readonly origin: LiveOrigin
  readonly mapper: Mapper
  /** Header of the dead letter that is replayed. */
  readonly replays: string | undefined
  readonly out: Output
}

export const createLiveTransform = (deps: TransformDeps): Transform => {
  const mapperOf = createMappers()
  return (message) => {
    const out: Output = { canonical: new Map(), deadLetters: [], asks: [] }
    const bytes = message.value ?? Buffer.alloc(0)
    try {
      const origin = decodeLiveOrigin(message.headers)
      const replays = message.headers[REPLAY_HEADER]
      const step = { deps, origin, mapper: mapperOf(origin.orgId, origin.source), replays, out }
      transformMessage(step, bytes)
    } catch (error) {
      const why = error instanceof SyntaxError ? 'its value is not JSON' : messageOf(error)
      out.deadLetters.push(unreadable(message.headers, bytes, `The raw message is neither a delivery nor an answer: ${why}`))
    }
    return transformedOf(out)
  }
}

const transformedOf = (out: Output): Transformed => ({
  ...out,
  records: [...out.canonical.values()].reduce((sum, { length }) => sum + length, out.asks.length + out.deadLetters.length),
})

const transformMessage = (step: Step, bytes: Buffer): void => {
  const { origin, deps } = step
  if (origin.kind === 'gone') putTombstone(step, deps.manifest.get(origin.entity), origin)
  else if (origin.kind === 'record') putAnswer(step, origin, parseExactJson(jsonTextOf(bytes)), bytes)
  else putDelivery(step, parseExactJson(jsonTextOf(bytes)), bytes)
}

const putDelivery = (step: Step, body: unknown, bytes: Buffer): void => {
  const bytesOf = createElementBytes(bytes, body)
  for (const event of step.deps.manifest.deliveries?.read(body) ?? []) putEvent(step, event, bytesOf(event.raw) ?? bytes)
}

const definitionOf = ({ deps }: Step, entity: string): EntityDefinition => deps.manifest.get(entity)

const recordsOf = ({ deps }: Step, entity: string, document: unknown): readonly SourceRecord[] =>
  split(deps.manifest, entity, [], document).get(entity) ?? []

/** The answer to a question is an observation as any page is. */
const putAnswer = (step: Step, origin: LiveOrigin & { kind: 'record' }, body: unknown, bytes: Buffer): void => {
  const definition = definitionOf(step, origin.entity)
  for (const record of recordsOf(step, origin.entity, body)) {
    const encoded = encodeRecord(step.mapper, definition, record, origin.observedAt, schemaIdOf(step, definition))
    if (encoded.ok) putRecord(step, definition, encoded)
    else bury(step, definition.entity, encoded, bytes)
  }
}

const died = (code: Failed['code'], reason: string): Failed => ({ ok: false, code, reason, externalId: null })

const putEvent = (step: Step, event: ToldEvent, bytes: Buffer): void => {
  switch (event.kind) {
    case 'unknown': {
      const name = event.event === null ? '' : `: ${event.event}`
      bury(step, 'unknown', died('unknown-event', `${event.reason}${name}`), bytes)
      break
    }
    case 'broken':
      bury(step, event.entity, died('invalid-record', event.reason), bytes)
      break
    case 'ask':
      for (const externalId of event.externalIds) putAsk(step, event.entity, externalId, [])
      break
    default:
      putTold(step, event, bytes)
  }
}

const putTold = (step: Step, event: ToldEvent & { kind: 'changed' | 'removed' }, bytes: Buffer): void => {
  const records = recordsOf(step, event.entity, event.document)
  if (records.length === 0) bury(step, event.entity, died('missing-id', 'The payload has no record'), bytes)
  const put = event.kind === 'removed' ? putRemoved : putChanged
  for (const record of records) put(step, event.entity, record, bytes)
}

const putChanged = (step: Step, entity: string, record: SourceRecord, bytes: Buffer): void => {
  const definition = definitionOf(step, entity)
  const encoded = encodeRecord(step.mapper, definition, record, HINT_OBSERVED_AT, schemaIdOf(step, definition))
  if (!encoded.ok) bury(step, entity, encoded, bytes)
  // Without an updated_at no two versions can be told apart: the API is asked for the one that is.
  else if (encoded.sourceUpdatedAt === null) putAsk(step, entity, record.externalId ?? '', encoded.parents)
  else putRecord(step, definition, encoded)
}

const putRemoved = (step: Step, entity: string, record: SourceRecord, bytes: Buffer): void => {
  const { externalId } = record
  if (externalId === null || step.origin.kind !== 'delivery') {
    bury(step, entity, died('missing-id', 'The payload has no usable id'), bytes)
    return
  }
  const definition = definitionOf(step, entity)
  // The payload of a deletion has no attributes; what it says of its parents is needed to ask for it.
  const mapped = step.mapper(definition, { ...record, attributes: record.attributes ?? {} }, HINT_OBSERVED_AT)
  const told = { externalId, observedAt: step.origin.receivedAt, mappingRevision: HINT_REVISION }
  putTombstone(step, definition, told, mapped.ok ? mapped.parents : [])
}

const putTombstone = (
  step: Step,
  definition: EntityDefinition,
  { externalId, ...told }: { readonly externalId: string; readonly observedAt: number; readonly mappingRevision?: number },
  parents: ParentIds = [],
): void => {
  const { orgId, source } = step.origin
  const record = tombstoneOf(definition, externalId, { orgId, source, ...told })
  const encoded = encodeMapped(definition.canonical.entity, record, parents, schemaIdOf(step, definition))
  if (encoded.ok) putRecord(step, definition, encoded)
  else bury(step, definition.entity, encoded, Buffer.alloc(0))
}

const schemaIdOf = ({ deps }: Step, { canonical }: EntityDefinition): number => deps.schemaIds.get(canonical.entity) ?? -1

const putRecord = ({ deps, out, origin, replays }: Step, definition: EntityDefinition, encoded: Encoded & { ok: true }): void => {
  const { entity } = definition.canonical
  if (deps.only !== undefined && deps.only !== entity) return
  const messages = out.canonical.get(entity) ?? []
  out.canonical.set(entity, messages)
  const headers = { ...headersOf(undefined, origin.traceparent, encoded.parents), ...replayHeader(replays) }
  messages.push({ key: encoded.id, value: encoded.value, headers })
}

const replayHeader = (replays: string | undefined): Headers => (replays === undefined ? {} : { [REPLAY_HEADER]: replays })

const putAsk = ({ deps, out, origin, replays }: Step, entity: string, externalId: string, parents: ParentIds): void => {
  const { orgId, source } = origin
  const { canonical } = deps.manifest.get(entity)
  const ask = { orgId, source, entity: canonical.entity, externalId, parents: parentsByColumn(canonical.entity, parents) }
  out.asks.push(askMessage({ ...ask, ...(replays === undefined ? {} : { replays }) }))
}

const bury = ({ origin, out, replays }: Step, entity: string, { code, reason, externalId }: Failed, bytes: Buffer): void => {
  const { orgId, source, traceparent } = origin
  const letter: DeadLetter = {
    ...{ orgId, source, entity, externalId, stage: 'process', code, reason, traceparent },
    origin: undefined,
    observedAt: origin.kind === 'delivery' ? origin.receivedAt : origin.observedAt,
    live: origin.kind === 'delivery' ? 'delivery' : 'record',
    replays: decodePlace(replays),
  }
  out.deadLetters.push(deadLetterMessage(letter, bytes))
}
