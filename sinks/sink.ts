// The sink role: canonical records and dead letters in, rows and landings out; offsets are committed when a batch is durable.
// A loop with one settle point: while PostgreSQL works on one batch, the next is decoded. One transaction is in flight.
import { isSynclineError } from '../platform/errors.ts'
import { RoleHealth } from '../platform/health.ts'
import type { Batch, Consumer, ConsumerHandlers } from '../platform/kafka/consumer.ts'
import type { Producer } from '../platform/kafka/producer.ts'
import { deferred, persist, type Role } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import type { Pool } from '../platform/postgres.ts'
import { NO_SIGNALS, type Signals } from '../platform/signals.ts'
import { stopInOrder } from '../platform/stopping.ts'
import type { Telemetry } from '../platform/telemetry.ts'
import { createWake } from '../platform/wake.ts'
import { createCanonicalDecoder, type WriterSchemas } from '../topics/canonical-codec.ts'
import type { Topics } from '../topics/list.ts'
import type { GatheredBatch } from './batch.ts'
import { createBury } from './bury.ts'
import { createGatherer, type Gatherer, type GatherLimits } from './gather.ts'
import { createQueue } from './queue.ts'
import { createReader } from './read.ts'
import { createSettle } from './settle.ts'
import { runSweeper } from './sweeper.ts'

interface SinkLimits extends GatherLimits {
  /** A batch that is not full is merged this long after its first record, if nothing else is being merged. */
  readonly maxAgeMs: number
  /** The same, after a batch of many records: where many come, a row costs the less the more there are. */
  readonly maxBusyAgeMs: number
  /** The same, of the first batch after a while, or with a record that belongs to no run: somebody waits for it. */
  readonly maxUrgentAgeMs: number
  readonly maxQueuedBytes: number
}

export interface SinkDeps {
  readonly pool: Pool
  readonly producer: Producer
  readonly consumer: (topics: readonly string[], handlers: ConsumerHandlers) => Consumer
  readonly topics: Topics
  /** Rejects with 'unavailable' while the registry is away. */
  readonly writerSchemas: WriterSchemas
  readonly signals?: Pick<Signals, 'news'>
  readonly log: Logger
  readonly limits?: Partial<SinkLimits>
  readonly health?: RoleHealth
  readonly telemetry?: Telemetry
}

const MEGABYTE = 1024 * 1024
const DEFAULT_LIMITS: SinkLimits = {
  maxRecords: 10_000,
  maxBytes: 16 * MEGABYTE,
  maxAgeMs: 200,
  maxBusyAgeMs: 700,
  maxUrgentAgeMs: 50,
  maxQueuedBytes: 12 * MEGABYTE,
}

/** When nothing was merged for so long, what comes is the beginning of something, and small. */
const QUIET_MS = 1_000
/** A batch of as many says that more are on their way. */
const BUSY_RECORDS = 1_000
/** Records decoded before sockets and timers have their turn: a millisecond, and PostgreSQL waits as long for the next statement. */
const RECORDS_AT_A_TIME = 100

const breathe = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export const createSink = (deps: SinkDeps): Role => {
  const { pool, producer, topics, log, telemetry, signals = NO_SIGNALS, health = new RoleHealth('sink') } = deps
  const limits: SinkLimits = { ...DEFAULT_LIMITS, ...deps.limits }
  const failure = deferred<never>()
  const stopping = new AbortController()
  const { signal } = stopping
  const { sleep, wake } = createWake()
  const decoder = createCanonicalDecoder(deps.writerSchemas)
  const reader = createReader(topics, decoder)
  const consumer = deps.consumer(reader.topics, {
    onBatch: (batch) => queue.push(batch),
    onAssigned: (generation) => queue.reset(generation),
  })
  const queue = createQueue(limits.maxQueuedBytes, reader.topics, consumer, wake)
  const bury = createBury({ pool, producer, topics, log, signal, outages: health })
  const settle = createSettle({ pool, consumer, bury, log, signal, outages: health, telemetry })
  consumer.failed.catch(failure.reject)

  const isRegistryAway = (error: unknown) => isSynclineError(error, 'unavailable')
  const prepare = (batch: Batch): Promise<void> => {
    const load = () => decoder.prepare(batch.messages.map(({ value }) => value))
    return persist(load, { what: 'schema registry', log, signal, isAway: isRegistryAway, outages: health })
  }

  /** All of one delivery, even beyond the limits: they are of the order of the batch, not exact. */
  const add = async (batch: Batch, into: Gatherer): Promise<void> => {
    if (batch.topic !== topics.deadLetters && batch.topic !== topics.asks) await prepare(batch)
    for (let from = 0; from === 0 || from < batch.messages.length; from += RECORDS_AT_A_TIME) {
      if (batch.generation !== queue.generation) return
      reader.read(batch, from, from + RECORDS_AT_A_TIME, into)
      await breathe()
    }
  }

  let isBusy = false
  let settledAt = Number.NEGATIVE_INFINITY

  const ageLimitMs = ({ isUrgent }: Gatherer): number => {
    if (isUrgent || performance.now() - settledAt > QUIET_MS) return limits.maxUrgentAgeMs
    return isBusy ? limits.maxBusyAgeMs : limits.maxAgeMs
  }

  /** The next batch: full, or old enough and nothing else in flight; undefined when there is none and the role stops. */
  const gather = async (isSettling: () => boolean): Promise<GatheredBatch | undefined> => {
    let gatherer = createGatherer(limits, queue.generation)
    let dueAt = Number.POSITIVE_INFINITY
    while (!gatherer.isFull && !signal.aborted) {
      if (gatherer.generation !== queue.generation) {
        gatherer = createGatherer(limits, queue.generation)
        dueAt = Number.POSITIVE_INFINITY
      }
      const next = queue.shift()
      if (next !== undefined) {
        await add(next, gatherer)
        dueAt = Math.min(dueAt, performance.now() + ageLimitMs(gatherer))
        continue
      }
      const restMs = dueAt - performance.now()
      if (restMs <= 0 && !isSettling()) break
      await sleep(restMs > 0 && Number.isFinite(restMs) ? restMs : undefined)
    }
    const seen = reader.takeCounts()
    if (seen !== undefined) log.warn({ ...seen }, 'some of what was read leads to no row, or was changed')
    return gatherer.isEmpty ? undefined : gatherer.take()
  }

  let settling: Promise<void> | undefined
  const work = async (): Promise<void> => {
    while (!signal.aborted) {
      const batch = await gather(() => settling !== undefined)
      await settling
      if (batch === undefined) continue
      isBusy = batch.records.length >= BUSY_RECORDS
      const current = settle(batch).finally(() => {
        if (settling === current) settling = undefined
        settledAt = performance.now()
        health.progress()
        wake()
      })
      settling = current
      // Known at once, not when the next batch is full.
      current.catch(failure.reject)
    }
    await settling
  }

  health.watch({ hasWork: () => !queue.isEmpty || settling !== undefined, consumer: consumer.report })

  let running: Promise<unknown> = Promise.resolve()
  return {
    name: 'sink',
    failed: failure.promise,
    start: async () => {
      await producer.connect()
      await consumer.start()
      running = Promise.all([work().catch(failure.reject), runSweeper({ pool, bury, signals, log, signal, outages: health })])
    },
    stop: () => {
      stopping.abort()
      wake()
      return stopInOrder('sink', log, [
        { what: 'the batch in hand', end: () => running },
        { what: 'the consumer', end: consumer.stop },
        { what: 'the producer', end: producer.disconnect },
      ])
    },
  }
}
