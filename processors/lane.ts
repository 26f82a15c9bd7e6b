// A lane of the process role: raw messages in, canonical records, questions and dead letters out; an offset is committed when all that
// came of its message is on Kafka. Three sets of them are in hand at most: one is gathered, one is worked on (page-work.ts), one is on its
// way to Kafka.
import { messageOf } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { RoleHealth, RoleSources } from '../platform/health.ts'
import { isKafkaAway } from '../platform/kafka/client.ts'
import type { Batch, Consumer, ConsumerHandlers, Position } from '../platform/kafka/consumer.ts'
import type { Producer } from '../platform/kafka/producer.ts'
import type { Message } from '../platform/kafka/record-batch.ts'
import { deferred, persist, type Role } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { stopInOrder } from '../platform/stopping.ts'
import { NO_TELEMETRY, type Telemetry } from '../platform/telemetry.ts'
import { createWake } from '../platform/wake.ts'
import type { MadeOfPages, PageInHand, PageWork } from './page-work.ts'
import type { PageWorker } from './page-worker.ts'

export interface LaneDeps {
  readonly name: string
  readonly producer: Producer
  readonly consumer: (topics: readonly string[], handlers: ConsumerHandlers) => Consumer
  /** Names of the topics that are read. */
  readonly reads: readonly string[]
  readonly worker: PageWorker
  /** How long a send waits for more after one of many bytes. */
  readonly busyWaitMs: number
  readonly log: Logger
  readonly health: RoleHealth
  readonly telemetry?: Telemetry | undefined
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
const QUEUE_BYTES = 8 * 1024 * 1024
/** Pages of one send, in bytes: thousands of records, so that the cost of a request is shared. */
const SEND_BYTES = 2 * 1024 * 1024
/** After a send of as much, more is on its way: the next one waits for it, because a request costs more than records do. */
const BUSY_BYTES = 300 * 1024

interface Gathered {
  readonly pages: readonly QueuedPage[]
  readonly bytes: number
}

const bytesOf = ({ message }: QueuedPage): number => message.value?.length ?? 0

const positionsOf = (pages: readonly QueuedPage[]): readonly Position[] => {
  const positions = new Map<string, Position>()
  for (const { topic, partition, message } of pages) {
    positions.set(`${topic}/${partition}`, { topic, partition, offset: message.offset + 1n })
  }
  return [...positions.values()]
}

const inHandOf = ({ topic, message: { value, headers } }: QueuedPage): PageInHand => ({ topic, value, headers })

const count = (telemetry: Telemetry, { canonical, dead, asked }: MadeOfPages): void => {
  for (const [entity, records] of canonical) {
    telemetry.add('syncline_process_records_total', { entity, outcome: 'canonical' }, records)
  }
  if (dead > 0) telemetry.add('syncline_process_records_total', { entity: 'any', outcome: 'dead' }, dead)
  if (asked > 0) telemetry.add('syncline_process_records_total', { entity: 'any', outcome: 'asked' }, asked)
}

export const createLane = (deps: LaneDeps): Lane => {
  const { name, producer, worker, log, health, telemetry = NO_TELEMETRY } = deps
  const failure = deferred<never>()
  const stopping = new AbortController()
  const { signal } = stopping
  let queue: QueuedPage[] = []
  let queuedBytes = 0
  let inHand = 0
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
    if (page !== undefined) queuedBytes -= bytesOf(page)
    if (queuedBytes < QUEUE_BYTES / 2) consumer.resume()
    return page
  }

  /** Pages of one send: many, or those that came within `waitMs`. */
  const gather = async (of: number, waitMs: number): Promise<Gathered> => {
    const pages: QueuedPage[] = []
    let bytes = 0
    const dueAt = performance.now() + waitMs
    while (bytes < SEND_BYTES) {
      const page = takePage(of)
      if (page !== undefined) {
        pages.push(page)
        bytes += bytesOf(page)
        continue
      }
      const restMs = dueAt - performance.now()
      if (restMs <= 0 || of !== generation || signal.aborted) break
      await sleep(restMs)
    }
    return { pages, bytes }
  }

  const send = async (made: MadeOfPages, positions: readonly Position[], of: number): Promise<void> => {
    const produce = async () => {
      await producer.sendEncoded(made.rounds)
      await failpoint('process.after-send')
    }
    await persist(produce, { what: 'Kafka', log, signal, isAway: isKafkaAway, outages: health })
    await consumer.commit(positions, of).catch((error: unknown) => {
      // Delivered again if nobody commits later: every effect is idempotent.
      log.debug({ reason: messageOf(error) }, 'raw offsets not committed')
    })
    count(telemetry, made)
    health.progress()
  }

  /** Offsets are committed in order, so one send comes after the other. */
  const settle = async (made: Promise<MadeOfPages>, pages: readonly QueuedPage[], of: number, before: Promise<void>) => {
    inHand++
    try {
      const [result] = await Promise.all([made, before])
      if (of === generation) await send(result, positionsOf(pages), of)
    } finally {
      inHand--
    }
  }

  const work = async (pageWork: PageWork) => {
    let last: Promise<void> = Promise.resolve()
    let waitMs = 0
    while (!signal.aborted) {
      const of = generation
      const { pages, bytes } = await gather(of, waitMs)
      waitMs = bytes >= BUSY_BYTES ? deps.busyWaitMs : 0
      if (pages.length === 0) {
        if (queue.length === 0 && !signal.aborted) await sleep()
        continue
      }
      const before = last
      last = settle(pageWork(pages.map(inHandOf)), pages, of, before)
      // Known at once, not when the next pages are gathered.
      last.catch(failure.reject)
      await before
    }
    await last
  }

  const consumer = deps.consumer(deps.reads, { onBatch: enqueue, onAssigned: dropAll })
  consumer.failed.catch(failure.reject)

  return {
    name,
    failed: failure.promise,
    sources: { hasWork: () => queue.length > 0 || inHand > 0, consumer: consumer.report },
    start: async () => {
      await producer.connect()
      await consumer.start()
      loop = work(worker.work).catch(failure.reject)
    },
    stop: () => {
      stopping.abort()
      wake()
      return stopInOrder(name, log, [
        { what: 'the messages in hand', end: () => loop },
        { what: 'the consumer', end: consumer.stop },
        { what: 'the producer', end: producer.disconnect },
        { what: 'its thread', end: worker.stop },
      ])
    },
  }
}
