// A dead letter back into the stage where it died: goes in the letter with its original bytes, comes out the message to produce, or
// why that cannot be. Pure. Must hold: the record keeps the place in its page, so that its own bit in the ledger moves.
import { adapters } from '../adapters/index.ts'
import type { RegisteredLetter } from '../ledger/dead-letter-search.ts'
import { canonicalId } from '../manifests/identity.ts'
import type { OutgoingMessage } from '../platform/kafka/record-batch.ts'
import { canonicalEntities } from '../topics/canonical.ts'
import { rangeKey } from '../topics/commands.ts'
import { encodePlace, REPLAY_HEADER } from '../topics/dead-letters.ts'
import {
  encodePageOrigin,
  encodeRecordOrigin,
  type Headers,
  ORIGIN_HEADER,
  originPrefix,
  type RecordOrigin,
} from '../topics/headers.ts'
import { CANONICAL_PARTITIONS, LIVE_PARTITIONS, RAW_PARTITIONS, type Topics } from '../topics/list.ts'
import { encodeLiveOrigin, type LiveOrigin } from '../topics/live.ts'
import { GONE, type LetterContent } from './letter-bytes.ts'
import { unreplayable } from './letter-lines.ts'

export type Replay =
  | { readonly ok: true; readonly topic: string; readonly partitions: number; readonly message: OutgoingMessage }
  /** With the next step. */
  | { readonly ok: false; readonly why: string }

const refuse = (why: string): Replay => ({ ok: false, why })

/** `ruledSince`: when the newest of the organisation's field rules came into force; undefined: it has none. */
export const replayMessage = (
  registered: RegisteredLetter,
  content: LetterContent | undefined,
  topics: Topics,
  ruledSince?: Date,
): Replay => {
  const again = `Get the record anew with: syncline sync --org ${registered.orgId}`
  if (registered.state === 'replayed') return refuse(`It has been replayed: the record is ${registered.outcome ?? 'settled'}.`)
  const never = unreplayable(registered)
  if (never !== undefined) return refuse(never)
  if (content === undefined) return refuse(`${GONE} ${again}`)
  const { letter } = content
  if (letter.cut !== undefined) return refuse(`Only the beginning of its bytes is kept. ${again}`)
  if (ruledSince !== undefined && receivedAt(registered, letter) < ruledSince.getTime()) {
    return refuse(`It was received before a field rule of ${registered.orgId} was in force. ${again}`)
  }
  if (letter.live !== undefined) return toLive(registered, content, topics)
  return letter.stage === 'process' ? toProcess(registered, content, topics, again) : toSink(registered, content, topics, again)
}

/** ms since 1970. The sink's letters do not tell when they were received, only when they died. */
const receivedAt = ({ recordedAt }: RegisteredLetter, { observedAt }: LetterContent['letter']): number =>
  observedAt ?? recordedAt.getTime()

const originHeaders = (registered: RegisteredLetter, origin: RecordOrigin | undefined): Headers => ({
  ...(origin === undefined ? {} : { [ORIGIN_HEADER]: encodeRecordOrigin(originPrefix(origin), origin.index, origin.count) }),
  [REPLAY_HEADER]: encodePlace(registered),
})

/** A delivery in a body of its own, or the answer for one record as it was: they belong to no run. */
const toLive = (registered: RegisteredLetter, { letter, value }: LetterContent, topics: Topics): Replay => {
  const { orgId, source, entity, live, observedAt = 0, traceparent = '' } = letter
  const { adapter } = registered
  if (adapter === null)
    return refuse(`The connection ${orgId}/${source} is gone. Add it with: syncline org add ${orgId} --pat-stdin`)
  const origin: LiveOrigin =
    live === 'delivery'
      ? { kind: 'delivery', orgId, source, receivedAt: observedAt, traceparent }
      : { kind: 'record', orgId, source, entity, observedAt, traceparent }
  const message = {
    key: `${orgId}/${entity}/${letter.externalId ?? encodePlace(registered)}`,
    value: live === 'delivery' ? Buffer.concat([Buffer.from('{"data":['), value, Buffer.from(']}')]) : value,
    headers: { ...encodeLiveOrigin(origin), ...originHeaders(registered, undefined) },
  }
  return { ok: true, topic: topics.live(adapter), partitions: LIVE_PARTITIONS, message }
}

/** The record as a page of its own. What it carries went its own way when its page came, so it carries nothing now. */
const toProcess = (registered: RegisteredLetter, { letter, value }: LetterContent, topics: Topics, again: string): Replay => {
  const { orgId, source, entity, code, origin, observedAt } = letter
  if (code === 'unreadable') return refuse(`Its bytes are no record of an entity that is known. ${again}`)
  if (origin === undefined || observedAt === undefined) return refuse(`It does not say which page it came with. ${again}`)
  const adapter = adapters.find(({ name }) => name === registered.adapter)
  if (adapter === undefined)
    return refuse(`The connection ${orgId}/${source} is gone. Add it with: syncline org add ${orgId} --pat-stdin`)
  if (!adapter.manifest.has(entity))
    return refuse(`This version does not have the entity ${entity}. Run the version that wrote it.`)
  const page = encodePageOrigin({
    ...origin,
    orgId,
    source,
    entity,
    observedAt,
    carries: [],
    traceparent: letter.traceparent ?? '',
  })
  const message = {
    key: rangeKey({ orgId, entity, rangeId: origin.rangeId }),
    value: Buffer.concat([Buffer.from('{"data":['), value, Buffer.from(']}')]),
    headers: { ...page, ...originHeaders(registered, origin) },
  }
  return { ok: true, topic: topics.raw(adapter.name), partitions: RAW_PARTITIONS, message }
}

const toSink = (registered: RegisteredLetter, { letter, value }: LetterContent, topics: Topics, again: string): Replay => {
  const { orgId, source, entity, externalId, origin } = letter
  if (externalId === null) return refuse(`Its bytes are no record that can be read, so its id is not known. ${again}`)
  if (!canonicalEntities.some((known) => known.entity === entity)) {
    return refuse(`This version does not have the entity ${entity}. Run the version that wrote it.`)
  }
  const key = canonicalId(orgId, source, entity, externalId)
  const message = { key, value, headers: originHeaders(registered, origin) }
  return { ok: true, topic: topics.canonical(entity), partitions: CANONICAL_PARTITIONS, message }
}
