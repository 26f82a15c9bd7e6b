// The process role: raw pages in, canonical records and dead letters out; an offset is committed when all of its page is on Kafka.
import type { Manifest } from '../manifests/manifest.ts'
import { isSynclineError, messageOf } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import { RoleHealth } from '../platform/health.ts'
import { isKafkaAway } from '../platform/kafka/client.ts'
import type { Batch, Consumer, ConsumerHandlers, Position } from '../platform/kafka/consumer.ts'
import type { OutgoingTopic, Producer } from '../platform/kafka/producer.ts'
import type { Message, OutgoingMessage } from '../platform/kafka/record-batch.ts'
import { deferred, persist, type Role } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { stopInOrder } from '../platform/stopping.ts'
import { NO_TELEMETRY, type Telemetry } from '../platform/telemetry.ts'
import { createWake } from '../platform/wake.ts'
import { CANONICAL_PARTITIONS, DEAD_LETTER_PARTITIONS, type Topics } from '../topics/list.ts'
import { createTransform, type Transform, type Transformed } from './transform.ts'

export interface ProcessorDeps {
  readonly producer: Producer
  readonly consumer: (topics: readonly string[], handlers: ConsumerHandlers) => Consumer
  readonly topics: Topics
  readonly manifests: readonly Manifest[]
  /** Registers the canonical schemas and gives their ids; throws 'incompatible' before anything is produced. */
  readonly registerSchemas: () => Promise<ReadonlyMap<string, number>>
  readonly log: Logger
  readonly health?: RoleHealth
  readonly telemetry?: Telemetry
}

interface QueuedPage {
  readonly topic: string
  readonly partition: number
  readonly generation: number
  readonly message: Message
}

const isRegistryAway = (error: unknown): boolean => isSynclineError(error, 'unavailable')

/** Pages queued in memory, in bytes, above which nothing more is fetched. */
const QUEUE_BYTES = 12 * 1024 * 1024
/** Records of one send: thousands, so that the cost of a request is shared. */
const RECORDS_PER_SEND = 4_000
/** After a send of as many records, more are on their way: the next one waits for them, because a request costs more than they do. */
const BUSY_RECORDS = 300
const BUSY_WAIT_MS = 150

/** Messages by topic, of as many pages as make one send. */
class Gathered {
  readonly canonical = new Map<string, OutgoingMessage[]>()
  readonly deadLetters: OutgoingMessage[] = []
  readonly positions = new Map<string, Position>()
  records = 0

  add(page: QueuedPage, transformed: Transformed): void {
    for (const [entity, messages] of transformed.canonical) {
      const all = this.canonical.get(entity)
      if (all) for (const message of messages) all.push(message)
      else this.canonical.set(entity, [...messages])
    }
    this.deadLetters.push(...transformed.deadLetters)
    this.records += transformed.records
    const { topic, partition, message } = page
    this.positions.set(`${topic}/${partition}`, { topic, partition, offset: message.offset + 1n })
  }

  count(telemetry: Telemetry): void {
    for (const [entity, { length }] of this.canonical) {
      telemetry.add('syncline_process_records_total', { entity, outcome: 'canonical' }, length)
    }
    const dead = this.deadLetters.length
    if (dead > 0) telemetry.add('syncline_process_records_total', { entity: 'any', outcome: 'dead' }, dead)
  }

  topicsOf(topics: Topics): readonly OutgoingTopic[] {
    const outgoing = [...this.canonical]
      .filter(([, messages]) => messages.length > 0)
      .map(([entity, messages]) => ({ topic: topics.canonical(entity), partitions: CANONICAL_PARTITIONS, messages }))
    if (this.deadLetters.length === 0) return outgoing
    return [...outgoing, { topic: topics.deadLetters, partitions: DEAD_LETTER_PARTITIONS, messages: this.deadLetters }]
  }
}

/** Lets timers and sockets have their turn between two pages. */
const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const createProcessor = (deps: ProcessorDeps): Role => {
  const { producer, topics, manifests, log, health = new RoleHealth('process'), telemetry = NO_TELEMETRY } = deps
  const failure = deferred<never>()
  const stopping = new AbortController()
  const { signal } = stopping
  const transforms = new Map<string, Transform>()
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
      waitMs = gathered.records >= BUSY_RECORDS ? BUSY_WAIT_MS : 0
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

  const consumer = deps.consumer(
    manifests.map((manifest) => topics.raw(manifest.adapter)),
    { onBatch: enqueue, onAssigned: dropAll },
  )
  consumer.failed.catch(failure.reject)
  health.watch({ hasWork: () => queue.length > 0 || isSending, consumer: consumer.report })

  return {
    name: 'process',
    failed: failure.promise,
    start: async () => {
      const register = () => deps.registerSchemas()
      const schemaIds = await persist(register, { what: 'schema registry', log, signal, isAway: isRegistryAway, outages: health })
      for (const manifest of manifests) transforms.set(topics.raw(manifest.adapter), createTransform({ manifest, schemaIds }))
      await producer.connect()
      await consumer.start()
      loop = work().catch(failure.reject)
    },
    stop: () => {
      stopping.abort()
      wake()
      return stopInOrder('process', log, [
        { what: 'the pages in hand', end: () => loop },
        { what: 'the consumer', end: consumer.stop },
        { what: 'the producer', end: producer.disconnect },
      ])
    },
  }
}
