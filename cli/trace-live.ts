// What of raw.<adapter>.live made a version of a record: a version goes in, the answer that the API gave for it alone and the delivery that
// told of it come out. What is no longer on the topic, or was never told, is null.
import { findByKey, type Look } from '../platform/kafka/look.ts'
import { partitionOf } from '../platform/kafka/partition.ts'
import type { Message } from '../platform/kafka/record-batch.ts'
import { scanTopic } from '../platform/kafka/scan.ts'
import type { RowVersion } from '../sinks/postgres/find-row.ts'
import { isHint } from '../topics/hints.ts'
import { LIVE_PARTITIONS } from '../topics/list.ts'
import { decodeLiveOrigin, type LiveOrigin } from '../topics/live.ts'
import { eventAbout, isToldBy, notBefore, type Receipt } from './trace-delivery.ts'
import { CLOCK_SLACK_MS, type PathDeps, type TopicPlace, type Wanted } from './trace-page.ts'

export interface ToldAt extends TopicPlace {
  readonly event: string
  readonly receivedAt: Date
}

export interface AnsweredAt extends TopicPlace {
  /** merged: it is not there, and the list of mergers names it. */
  readonly said: 'there' | 'gone' | 'merged'
  readonly askedAt: Date
}

export interface LivePath {
  readonly delivery: ToldAt | null
  readonly answer: AnsweredAt | null
}

const MAX_ANSWERS_LOOKED = 100_000
/** What a delivery has put in doubt is mostly asked for within seconds, and rarely later than this. */
const ASKED_WITHIN_MS = 3_600_000

/** Null: the version came another way, or Kafka is away. */
export const findLive = async (deps: PathDeps, of: Wanted, version: RowVersion): Promise<LivePath | null> => {
  const { look } = deps
  if (look === undefined) return null
  const observedAt = version.observedAt.getTime()
  if (isHint({ observedAt, mappingRevision: version.mappingRevision, deleted: version.deletedAt !== null })) {
    const delivery = await findDelivery({ ...deps, look }, of, version)
    return delivery && { delivery, answer: null }
  }
  const answer = await findAnswer({ ...deps, look }, of, observedAt)
  return answer && { delivery: await findDeliveryBefore({ ...deps, look }, of, observedAt), answer }
}

type Deps = PathDeps & { readonly look: Look }

/** Undefined: it is none that this version can read. */
const originOf = ({ headers }: Message): LiveOrigin | undefined => {
  try {
    return decodeLiveOrigin(headers)
  } catch {
    return undefined
  }
}

const findAnswer = async ({ look, topics, manifest }: Deps, of: Wanted, askedAt: number): Promise<AnsweredAt | null> => {
  const key = `${of.orgId}/${of.definition.entity}/${of.externalId}`
  const place = { topic: topics.live(manifest.adapter), partition: partitionOf(key, LIVE_PARTITIONS) }
  const from = await look.offsetAt(place, askedAt - CLOCK_SLACK_MS)
  const { found } = await findByKey(look, place, { key, from, limit: MAX_ANSWERS_LOOKED }, (message) => {
    const origin = originOf(message)
    return origin?.source === of.source && origin.kind !== 'delivery' && origin.observedAt === askedAt
  })
  if (found === undefined) return null
  return { ...place, offset: found.offset, state: 'there', said: saidBy(found, of), askedAt: new Date(askedAt) }
}

const saidBy = (message: Message, { definition }: Wanted): AnsweredAt['said'] => {
  const origin = originOf(message)
  if (origin?.kind === 'gone') return 'gone'
  return origin?.kind === 'record' && origin.entity !== definition.entity ? 'merged' : 'there'
}

/** Deliveries since a moment that are about the record and that `isIt` accepts, in no order. */
const deliveriesSince = async (
  { look, topics, manifest }: Deps,
  of: Wanted,
  sinceMs: number,
  isIt: (receipt: Receipt) => boolean,
): Promise<readonly ToldAt[]> => {
  const topic = topics.live(manifest.adapter)
  const found: ToldAt[] = []
  await scanTopic(look, { topic, sinceMs }, async (partition, messages) => {
    for (const message of messages) {
      const origin = message.headers['org'] === of.orgId ? originOf(message) : undefined
      if (origin?.kind !== 'delivery' || origin.source !== of.source) continue
      const { receivedAt } = origin
      const event = eventAbout(manifest, of, message.value ?? Buffer.alloc(0))
      if (event === undefined || !isIt({ event, receivedAt })) continue
      const { offset } = message
      found.push({ topic, partition, offset, state: 'there', event: event.event, receivedAt: new Date(receivedAt) })
    }
  })
  return found.toSorted((a, b) => a.receivedAt.getTime() - b.receivedAt.getTime())
}

/** What is delivered twice was told the first time. */
const findDelivery = async (deps: Deps, of: Wanted, version: RowVersion): Promise<ToldAt | null> => {
  const isIt = (receipt: Receipt) => isToldBy(deps.manifest, of, version, receipt)
  const [first = null] = await deliveriesSince(deps, of, notBefore(version).getTime() - CLOCK_SLACK_MS, isIt)
  return first
}

/** The last one before the question: what put the record in doubt. Null also where it was asked for as another's parent. */
const findDeliveryBefore = async (deps: Deps, of: Wanted, askedAt: number): Promise<ToldAt | null> => {
  const all = await deliveriesSince(deps, of, askedAt - ASKED_WITHIN_MS, ({ receivedAt }) => receivedAt <= askedAt)
  return all.at(-1) ?? null
}
