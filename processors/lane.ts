// A lane of the process role: raw messages in, canonical records, asks and dead letters out; an offset is committed when all that came
// of its message is on Kafka.
import { messageOf } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { RoleHealth, RoleSources } from '../platform/health.ts'
import { isKafkaAway } from '../platform/kafka/client.ts'
import type { Batch, Consumer, ConsumerHandlers, Position } from '../platform/kafka/consumer.ts'
import type { OutgoingTopic, Producer } from '../platform/kafka/producer.ts'
import type { Message, OutgoingMessage } from '../platform/kafka/record-batch.ts'
import { deferred, persist, type Role } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { stopInOrder } from '../platform/stopping.ts'
import { NO_TELEMETRY, type Telemetry } from '../platform/telemetry.ts'
import { createWake } from '../platform/wake.ts'
import { ASK_PARTITIONS, CANONICAL_PARTITIONS, DEAD_LETTER_PARTITIONS, type Topics } from '../topics/list.ts'
import type { Transform, Transformed } from './transform.ts'

export interface LaneDeps {
  readonly name: string
  readonly producer: Producer
  readonly consumer: (topics: readonly string[], handlers: ConsumerHandlers) => Consumer
  readonly topics: Topics
  /** By topic: what the lane reads and what becomes of its messages. */
  readonly transforms: ReadonlyMap<string, Transform>
  /** How long a send waits for more messages after one of many records. */
  readonly busyWaitMs: number
  readonly log: Logger
  readonly health: RoleHealth
  readonly telemetry?: Telemetry
}

/** A role but for its health, which lanes share. */
export interface Lane extends Role {
  readonly sources: RoleSources
}

interface QueuedPage {
  readonly topic: string
  readonly partition: number
  readonly generation: number
  readonly message: Message
}

/** Pages queued in memory, in bytes, above which nothing more is fetched. */
const QUEUE_BYTES = 12 * 1024 * 1024
/** Records of one send: thousands, so that the cost of a request is shared. */
const RECORDS_PER_SEND = 4_000
/** After a send of as many records, more are on their way: the next one waits for them, because a request costs more than they do. */
const BUSY_RECORDS = 300

/** Messages by topic, of as many pages as make one send. */
class Gathered {
  readonly canonical = new Map<string, OutgoingMessage[]>()
  readonly deadLetters: OutgoingMessage[] = []
  readonly asks: OutgoingMessage[] = []
  readonly positions = new Map<string, Position>()
  records = 0

  add(page: QueuedPage, transformed: Transformed): void {
    for (const [entity, messages] of transformed.canonical) {
      const all = this.canonical.get(entity)
      if (all) for (const message of messages) all.push(message)
      else this.canonical.set(entity, [...messages])
    }
    this.deadLetters.push(...transformed.deadLetters)
    this.asks.push(...transformed.asks)
    this.records += transformed.records
    const { topic, partition, message } = page
    this.positions.set(`${topic}/${partition}`, { topic, partition, offset: message.offset + 1n })
  }

  count(telemetry: Telemetry): void {
    for (const [entity, { length }] of this.canonical) {
      telemetry.add('syncline_process_records_total', { entity, outcome: 'canonical' }, length)
    }
    for (const [outcome, { length }] of Object.entries({ dead: this.deadLetters, asked: this.asks })) {
      if (length > 0) telemetry.add('syncline_process_records_total', { entity: 'any', outcome }, length)
    }
  }

  topicsOf(topics: Topics): readonly OutgoingTopic[] {
    const outgoing = [...this.canonical]
      .filter(([, messages]) => messages.length > 0)
      .map(([entity, messages]) => ({ topic: topics.canonical(entity), partitions: CANONICAL_PARTITIONS, messages }))
    if (this.asks.length > 0) outgoing.push({ topic: topics.asks, partitions: ASK_PARTITIONS, messages: this.asks })
    if (this.deadLetters.length === 0) return outgoing
    return [...outgoing, { topic: topics.deadLetters, partitions: DEAD_LETTER_PARTITIONS, messages: this.deadLetters }]
  }
}

/** Lets timers and sockets have their turn between two pages. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const createLane = (deps: LaneDeps): Lane => {
  const { name, producer, topics, transforms, busyWaitMs, log, health, telemetry = NO_TELEMETRY } = deps
  const failure = deferred<never>()
  const stopping = new AbortController()
  const { signal } = stopping
  let queue: QueuedPage[] = []
  let queuedBytes = 0
  let isSending = false
  let generation = 0
  const { sleep, wake } = createWake()
  let loop: Promise<void> = Promise.resolve()

  const enqueue = (batch: Batch) => {
    for (const message of batch.messages) {
      queue.push({ topic: batch.topic, partition: batch.partition, generation: batch.generation, message })
      queuedBytes += message.value?.length ?? 0
    }
    if (queuedBytes > QUEUE_BYTES) consumer.pause()
    wake()
  }

  const dropAll = (assigned: number) => {
    generation = assigned
    queue = []
    queuedBytes = 0
    consumer.resume()
  }

  /** The next page of this generation: pages of a newer one wait for the next round, or their offsets would overtake them. */
  const takePage = (of: number): QueuedPage | undefined => {
    if (queue[0]?.generation !== of) return undefined
    const page = queue.shift()
    queuedBytes -= page?.message.value?.length ?? 0
    if (queuedBytes < QUEUE_BYTES / 2) consumer.resume()
    return page
  }

  /** Pages of one send: many, or those that came within `waitMs`. */
  const gather = async (of: number, waitMs: number): Promise<Gathered> => {
    const gathered = new Gathered()
    const dueAt = performance.now() + waitMs
    while (gathered.records < RECORDS_PER_SEND) {
      const page = takePage(of)
      if (page === undefined) {
        const restMs = dueAt - performance.now()
        if (restMs <= 0 || of !== generation || signal.aborted) break
        await sleep(restMs)
        continue
      }
      const transform = transforms.get(page.topic)
      if (transform) gathered.add(page, transform({ value: page.message.value, headers: page.message.headers }))
      await breathe()
    }
    return gathered
  }

  const send = async (gathered: Gathered, of: number): Promise<void> => {
    const produce = async () => {
      await producer.send(gathered.topicsOf(topics))
      await failpoint('process.after-send')
    }
    await persist(produce, { what: 'Kafka', log, signal, isAway: isKafkaAway, outages: health })
    await consumer.commit([...gathered.positions.values()], of).catch((error: unknown) => {
      // Delivered again if nobody commits later: every effect is idempotent.
      log.debug({ reason: messageOf(error) }, 'raw offsets not committed')
    })
    gathered.count(telemetry)
    health.progress()
  }

  const work = async () => {
    let sending: Promise<void> = Promise.resolve()
    let waitMs = 0
    while (!signal.aborted) {
      const of = generation
      const gathered = await gather(of, waitMs)
      waitMs = gathered.records >= BUSY_RECORDS ? busyWaitMs : 0
      // One send under way while the next pages are transformed; offsets are committed in order.
      await sending
      if (gathered.positions.size === 0) {
        if (queue.length === 0 && !signal.aborted) await sleep()
        continue
      }
      if (of !== generation) continue
      isSending = true
      sending = send(gathered, of).finally(() => {
        isSending = false
      })
      sending.catch(() => undefined)
    }
    await sending
  }

  const consumer = deps.consumer([...transforms.keys()], { onBatch: enqueue, onAssigned: dropAll })
  consumer.failed.catch(failure.reject)

  return {
    name,
    failed: failure.promise,
    sources: { hasWork: () => queue.length > 0 || isSending, consumer: consumer.report },
    start: async () => {
      await producer.connect()
      await consumer.start()
      loop = work().catch(failure.reject)
    },
    stop: () => {
      stopping.abort()
      wake()
      return stopInOrder(name, log, [
        { what: 'the messages in hand', end: () => loop },
        { what: 'the consumer', end: consumer.stop },
        { what: 'the producer', end: producer.disconnect },
      ])
    },
  }
}
