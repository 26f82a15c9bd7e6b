// Pages of one send to what is produced for them: transform each, then encode all for Kafka. Without clock or connection, so that it
// may run in a thread of its own (cli/page-thread.ts): it is most of what the process role has to compute.
import { type EncodedRounds, encodeRounds, type OutgoingTopic } from '../platform/kafka/encode.ts'
import type { OutgoingMessage } from '../platform/kafka/record-batch.ts'
import type { Headers } from '../topics/headers.ts'
import { ASK_PARTITIONS, CANONICAL_PARTITIONS, DEAD_LETTER_PARTITIONS, type Topics } from '../topics/list.ts'
import type { Transform, Transformed } from './transform.ts'

/** A message of a raw topic; as `RawPage`, with the bytes as another thread gets them. */
export interface PageInHand {
  readonly topic: string
  readonly value: Uint8Array | null
  readonly headers: Headers
}

export interface MadeOfPages {
  readonly rounds: EncodedRounds
  /** Canonical entity to the number of its records. */
  readonly canonical: ReadonlyMap<string, number>
  readonly dead: number
  readonly asked: number
}

/** Answers in the order in which it is asked. Rejects only for what is no fault of a page. */
export type PageWork = (pages: readonly PageInHand[]) => Promise<MadeOfPages>

/** Messages by topic, of as many pages as make one send. */
class Gathered {
  readonly #canonical = new Map<string, OutgoingMessage[]>()
  readonly #deadLetters: OutgoingMessage[] = []
  readonly #asks: OutgoingMessage[] = []

  add({ canonical, deadLetters, asks }: Transformed): void {
    for (const [entity, messages] of canonical) {
      const all = this.#canonical.get(entity)
      if (all) for (const message of messages) all.push(message)
      else this.#canonical.set(entity, [...messages])
    }
    this.#deadLetters.push(...deadLetters)
    this.#asks.push(...asks)
  }

  async made(topics: Topics): Promise<MadeOfPages> {
    const all = [...this.#canonical]
    const outgoing = all.map(([entity, messages]): OutgoingTopic => {
      return { topic: topics.canonical(entity), partitions: CANONICAL_PARTITIONS, messages }
    })
    const deadLetters = { topic: topics.deadLetters, partitions: DEAD_LETTER_PARTITIONS, messages: this.#deadLetters }
    const asks = { topic: topics.asks, partitions: ASK_PARTITIONS, messages: this.#asks }
    return {
      rounds: await encodeRounds([...outgoing, asks, deadLetters]),
      canonical: new Map(all.map(([entity, messages]) => [entity, messages.length])),
      dead: this.#deadLetters.length,
      asked: this.#asks.length,
    }
  }
}

/** Of several, one after the other: in the rounds of each, partitions are as they were. */
export const together = (all: readonly MadeOfPages[]): MadeOfPages => {
  const canonical = new Map<string, number>()
  for (const made of all)
    for (const [entity, records] of made.canonical) canonical.set(entity, (canonical.get(entity) ?? 0) + records)
  const sum = (of: 'dead' | 'asked') => all.reduce((total, made) => total + made[of], 0)
  return { rounds: all.flatMap(({ rounds }) => rounds), canonical, dead: sum('dead'), asked: sum('asked') }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length)

/** Lets timers and sockets have their turn between two pages. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** `transformOf`: by raw topic; pages of a topic that it does not know are passed over. */
export const createPageWork =
  (topics: Topics, transformOf: (topic: string) => Transform | undefined): PageWork =>
  async (pages) => {
    const gathered = new Gathered()
    for (const { topic, value, headers } of pages) {
      const transform = transformOf(topic)
      if (transform) gathered.add(transform({ value: value && asBuffer(value), headers }))
      await breathe()
    }
    return gathered.made(topics)
  }
