// Messages of one partition where they stand: by offset, or from a moment on. Asks the partition's leader itself, so that no group is
// joined, nothing is committed and nothing is left behind. For looking at a few; whoever works through a topic has a consumer.
import type { Kafka, KafkaMessage } from 'kafkajs'
import { messageOf, SynclineError } from '../errors.ts'
import { backoffMs, pause } from '../lifecycle.ts'
import { isKafkaAway } from './client.ts'
import { receivedOf } from './kafkajs.ts'
import { type Message, readMessages } from './record-batch.ts'

export interface Place {
  readonly topic: string
  readonly partition: number
}

/** `low` is the oldest offset still there; `high` is the one that the next message will have. */
export interface Bounds {
  readonly low: bigint
  readonly high: bigint
}

export interface Look {
  /** Undefined: there is no such partition. */
  bounds(place: Place): Promise<Bounds | undefined>
  /** Offset of the first message produced at or after `ms` (since 1970, by its producer's clock); the end when there is none. */
  offsetAt(place: Place, ms: number): Promise<bigint>
  /** Where a group is to go on; undefined: it has not been there. */
  committed(groupId: string, place: Place): Promise<bigint | undefined>
  /** Undefined: retention or compaction has taken it, or it is not there yet. */
  at(place: Place, offset: bigint): Promise<Message | undefined>
  /** Messages from `from` to before `to`, delivery by delivery; offsets that are gone are passed over. */
  read(place: Place, from: bigint, to: bigint): AsyncGenerator<readonly Message[], void>
  close(): Promise<void>
}

interface FetchedPartition {
  readonly messages: readonly KafkaMessage[]
}

/** The part of the client that sends a fetch without a group; its types do not show it. */
interface Cluster {
  connect(): Promise<void>
  disconnect(): Promise<void>
  addTargetTopic(topic: string): Promise<void>
  refreshMetadata(): Promise<void>
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Readonly<Record<string, readonly number[]>>
  findBroker(of: { nodeId: string }): Promise<{
    fetch(request: object): Promise<{ responses: readonly { partitions: readonly FetchedPartition[] }[] }>
  }>
}

const clusterOf = (kafka: Kafka): Cluster => {
  const name = Object.getOwnPropertySymbols(kafka).find((symbol) => symbol.description === 'private:Kafka:createCluster')
  const make: unknown = name === undefined ? undefined : Reflect.get(kafka, name)
  if (typeof make !== 'function') throw new Error('kafkajs makes its clusters otherwise than version 2.2.4 did')
  // Its class is not exported; the interface above is what is used of it.
  return make({ allowAutoTopicCreation: false, metadataMaxAge: 300_000 }) as Cluster
}

const MAX_FETCH_BYTES = 4 * 1024 * 1024
const MAX_WAIT_MS = 500
const ATTEMPTS = 5
/** Nothing came though offsets are left: all of them were compacted away, or the leader is changing. */
const MAX_EMPTY = 3

const hasType = (error: unknown, ...types: readonly string[]): boolean =>
  error instanceof Error && 'type' in error && types.includes(String(error.type))

const patiently = async <T>(work: () => Promise<T>, between: () => Promise<void>): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isKafkaAway(error)) throw error
      if (attempt >= ATTEMPTS) throw away(error)
      await pause(backoffMs(attempt))
      await between().catch(() => undefined)
    }
  }
}

const away = (cause: unknown): SynclineError =>
  new SynclineError('unavailable', `Kafka cannot be reached: ${messageOf(cause)}`, { cause, remedy: 'Check the brokers.' })

const messagesIn = (fetched: readonly KafkaMessage[], from: bigint): { messages: Message[]; next: bigint } => {
  const messages: Message[] = []
  let next = from
  for (const each of fetched) {
    const batch = receivedOf(each)
    if (!batch.isControl) readMessages(batch, from, messages)
    next = batch.lastOffset + 1n
  }
  return { messages, next }
}

/** Connects at once. Every method rejects with 'unavailable' when Kafka is away. */
export const openLook = async (kafka: Kafka): Promise<Look> => {
  const [admin, cluster] = [kafka.admin(), clusterOf(kafka)]
  const close = async (): Promise<void> => void (await Promise.allSettled([admin.disconnect(), cluster.disconnect()]))
  try {
    await Promise.all([admin.connect(), cluster.connect()])
  } catch (cause) {
    await close()
    throw away(cause)
  }
  const ask = <T>(work: () => Promise<T>): Promise<T> => patiently(work, () => cluster.refreshMetadata())

  const fetch = async ({ topic, partition }: Place, offset: bigint): Promise<readonly KafkaMessage[]> => {
    await cluster.addTargetTopic(topic)
    const [nodeId] = Object.keys(cluster.findLeaderForPartitions(topic, [partition]))
    if (nodeId === undefined) return []
    const broker = await cluster.findBroker({ nodeId })
    const partitions = [{ partition, fetchOffset: offset.toString(), maxBytes: MAX_FETCH_BYTES }]
    const { responses } = await broker.fetch({
      maxWaitTime: MAX_WAIT_MS,
      maxBytes: MAX_FETCH_BYTES,
      topics: [{ topic, partitions }],
    })
    return responses[0]?.partitions[0]?.messages ?? []
  }

  const bounds: Look['bounds'] = ({ topic, partition }) =>
    ask(async () => {
      const all = await admin.fetchTopicOffsets(topic).catch((error: unknown) => {
        if (hasType(error, 'UNKNOWN_TOPIC_OR_PARTITION')) return []
        throw error
      })
      const found = all.find((each) => each.partition === partition)
      return found && { low: BigInt(found.low), high: BigInt(found.high) }
    })

  const read: Look['read'] = async function* (place, from, to) {
    const low = (await bounds(place))?.low ?? to
    let next = from
    if (next < low) next = low
    for (let empty = 0; next < to && empty < MAX_EMPTY; ) {
      const at = next
      const fetched = await ask(() => fetch(place, at))
      const delivery = messagesIn(fetched, at)
      empty = fetched.length === 0 ? empty + 1 : 0
      next = delivery.next
      const wanted = delivery.messages.filter(({ offset }) => offset < to)
      if (wanted.length > 0) yield wanted
    }
  }

  return {
    bounds,
    offsetAt: ({ topic, partition }, ms) =>
      ask(async () => {
        const all = await admin.fetchTopicOffsetsByTimestamp(topic, ms)
        return BigInt(all.find((each) => each.partition === partition)?.offset ?? 0)
      }),
    committed: (groupId, { topic, partition }) =>
      ask(async () => {
        const [found] = await admin.fetchOffsets({ groupId, topics: [topic] })
        const offset = BigInt(found?.partitions.find((each) => each.partition === partition)?.offset ?? -1)
        return offset < 0n ? undefined : offset
      }),
    at: async (place, offset) => {
      const there = await bounds(place)
      if (there === undefined || offset < there.low || offset >= there.high) return undefined
      const fetched = await ask(() => fetch(place, offset))
      return messagesIn(fetched, offset).messages.find((message) => message.offset === offset)
    },
    read,
    close,
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
  look: Look,
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
