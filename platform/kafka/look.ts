// The one reader of single partitions outside of any consumer group: messages by offset, by key, or from here to there. Memory is
// that of one delivery of each partition. Every method rejects with 'unavailable' when Kafka is away.
import type { Kafka } from 'kafkajs'
import { type Delivery, type Leader, openLeader, type Place } from './leader.ts'
import { partitionKey } from './offsets.ts'
import type { Message } from './record-batch.ts'

export type { Place } from './leader.ts'

export interface Look extends Leader {
  /**
   * Undefined: retention or compaction has taken it, or it is not there yet. The neighbours that come along are kept: who reads
   * many reads them in the order of their offsets.
   */
  at(place: Place, offset: bigint): Promise<Message | undefined>
  /** Messages from `from` to before `to`, delivery by delivery; offsets that are gone are passed over. */
  read(place: Place, from: bigint, to: bigint): AsyncGenerator<readonly Message[], void>
}

/** Answers without a message, of a log that ends before what is asked for: after a change of leader it may do so for a moment. */
const MAX_EMPTY = 3

interface Neighbourhood {
  readonly from: bigint
  readonly next: bigint
  readonly messages: ReadonlyMap<bigint, Message>
}

const neighbourhoodOf = (from: bigint, { next, messages }: Delivery): Neighbourhood => ({
  from,
  next,
  messages: new Map(messages.map((message) => [message.offset, message])),
})

/** Reads through whoever leads a partition. */
export const readThrough = (leader: Pick<Leader, 'fetch' | 'bounds'>): Pick<Look, 'at' | 'read'> => {
  const kept = new Map<string, Neighbourhood>()

  const at: Look['at'] = async (place, offset) => {
    const key = partitionKey(place.topic, place.partition)
    const near = kept.get(key)
    if (near !== undefined && offset >= near.from && offset < near.next) return near.messages.get(offset)
    const delivery = await leader.fetch(place, offset)
    if (delivery === undefined) return undefined
    const fetched = neighbourhoodOf(offset, delivery)
    kept.set(key, fetched)
    return fetched.messages.get(offset)
  }

  /** Where the log has no such offset, it goes on where the log begins now: retention moves that. */
  const fetchOrPass = async (place: Place, from: bigint): Promise<Delivery | undefined> => {
    const delivery = await leader.fetch(place, from)
    if (delivery !== undefined) return delivery
    const bounds = await leader.bounds(place)
    return bounds && { messages: [], next: bounds.low > from ? bounds.low : from, end: bounds.low }
  }

  const read: Look['read'] = async function* (place, from, to) {
    let next = from
    for (let empty = 0; next < to && empty < MAX_EMPTY; ) {
      const delivery = await fetchOrPass(place, next)
      if (delivery === undefined) return
      const wanted = delivery.messages.filter(({ offset }) => offset < to)
      if (wanted.length > 0) yield wanted
      // Nothing comes though all before `to` can be read: what there was is compacted away.
      if (delivery.next === next && delivery.end >= to) return
      empty = delivery.next === next ? empty + 1 : 0
      next = delivery.next
    }
  }

  return { at, read }
}

/** Connects at once. */
export const openLook = async (kafka: Kafka): Promise<Look> => {
  const leader = await openLeader(kafka)
  return { ...leader, ...readThrough(leader) }
}

export const withLook = async <T>(kafka: Kafka, work: (look: Look) => Promise<T>): Promise<T> => {
  const look = await openLook(kafka)
  try {
    return await work(look)
  } finally {
    await look.close()
  }
}

export interface Search {
  readonly found: Message | undefined
  /** Messages looked at. */
  readonly looked: number
  /** False: the limit was reached before the end, what was not looked at may have it. */
  readonly whole: boolean
}

/** The first message of a key from `from` on that `isIt` accepts, among at most `limit` messages. */
export const findByKey = async (
  look: Pick<Look, 'bounds' | 'read'>,
  place: Place,
  { key, from, limit }: { readonly key: string; readonly from: bigint; readonly limit: number },
  isIt: (message: Message) => boolean | Promise<boolean> = () => true,
): Promise<Search> => {
  const high = (await look.bounds(place))?.high ?? 0n
  let looked = 0
  for await (const messages of look.read(place, from, high)) {
    for (const message of messages)
      if (message.key === key && (await isIt(message))) return { found: message, looked, whole: true }
    looked += messages.length
    if (looked >= limit) return { found: undefined, looked, whole: (messages.at(-1)?.offset ?? high) + 1n >= high }
  }
  return { found: undefined, looked, whole: true }
}
