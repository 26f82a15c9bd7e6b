// A member of a consumer group that only queues: batches come in, positions are committed by the caller when their effects are durable.
import type { EachBatchPayload, Kafka, Batch as KafkaBatch, Consumer as KafkaConsumer } from 'kafkajs'
import { messageOf, SynclineError } from '../errors.ts'
import { deferred, pause } from '../lifecycle.ts'
import type { Logger } from '../logger.ts'
import { NO_TELEMETRY, type Telemetry } from '../telemetry.ts'
import { createWake } from '../wake.ts'
import { AssignmentState } from './assignment.ts'
import { isKafkaAway } from './client.ts'
import { type ConsumerReport, FetchWatch } from './fetch-watch.ts'
import { receivedOf } from './kafkajs.ts'
import { createOutageLog } from './outage-log.ts'
import { type Message, readMessages } from './record-batch.ts'

export interface Batch {
  readonly topic: string
  readonly partition: number
  /** Counts the assignments of this member; positions of an older one are never committed. */
  readonly generation: number
  readonly messages: readonly Message[]
  /** Position after the batch's last message. */
  readonly nextOffset: bigint
}

export interface Position {
  readonly topic: string
  readonly partition: number
  /** The next offset to read. */
  readonly offset: bigint
}

export interface ConsumerHandlers {
  /** Must queue and return: it never waits and never throws. */
  onBatch(batch: Batch): void
  /** After each rebalance: drop everything queued before; what was not committed is delivered again. */
  onAssigned(generation: number): void
}

export interface Consumer {
  start(): Promise<void>
  /** Ignored when the generation is not the current one. */
  commit(positions: readonly Position[], generation: number): Promise<void>
  /** Back-pressure: what was fetched is the last until `resume`, then it goes on at once. It stays in its group. */
  pause(): void
  resume(): void
  stop(): Promise<void>
  /** How it is, for whoever watches over its role. */
  report(): ConsumerReport
  readonly failed: Promise<never>
}

export interface ConsumerOptions {
  readonly groupId: string
  readonly topics: readonly string[]
  readonly log: Logger
  readonly sessionTimeoutMs?: number
  /** How long a broker that has no news keeps its answer back; default 2,500. */
  readonly maxWaitMs?: number
  readonly maxBytesPerPartition?: number
  readonly maxBytes?: number
  /** How long a delivery is followed by none, while messages keep coming; default 50. */
  readonly paceMs?: number
  readonly telemetry?: Telemetry
}

// The offset that was asked for; the client's types do not show it.
const fetchedOffsetOf = (batch: KafkaBatch): bigint =>
  'fetchedOffset' in batch ? BigInt(String(batch.fetchedOffset)) : BigInt(batch.firstOffset() ?? -1)

/**
 * How long a delivery is followed by none, while messages keep coming. Without it a busy topic is fetched in pieces of a few
 * messages, and requests cost more than messages. The first message after a silence is never held back.
 */
const PACE_MS = 50

/**
 * What is new is answered at once. The longer the wait, the less it costs to have nothing to do; but only between two answers does a member
 * with nothing to do learn that its group rebalances, and all others wait for it.
 */
const MAX_WAIT_MS = 2_500

export const messagesOf = (batch: KafkaBatch, telemetry: Telemetry = NO_TELEMETRY): Message[] => {
  const messages: Message[] = []
  let bytes = 0
  for (const each of batch.messages) {
    const received = receivedOf(each)
    bytes += received.storedBytes
    readMessages(received, fetchedOffsetOf(batch), messages)
  }
  telemetry.add('syncline_consumed_batches_total', {}, batch.messages.length)
  telemetry.add('syncline_consumed_records_total', {}, messages.length)
  telemetry.add('syncline_consumed_bytes_total', {}, bytes)
  return messages
}

/** Throws SynclineError('unavailable') from `start` when the brokers cannot be reached. */
export const createConsumer = (kafka: Kafka, options: ConsumerOptions, handlers: ConsumerHandlers): Consumer => {
  const {
    groupId,
    topics,
    log,
    sessionTimeoutMs = 15_000,
    maxWaitMs = MAX_WAIT_MS,
    paceMs = PACE_MS,
    telemetry = NO_TELEMETRY,
  } = options
  const heartbeatMs = Math.floor(sessionTimeoutMs / 10)
  const consumer: KafkaConsumer = kafka.consumer({
    groupId,
    sessionTimeout: sessionTimeoutMs,
    heartbeatInterval: heartbeatMs,
    rebalanceTimeout: Math.max(sessionTimeoutMs, 10_000),
    maxWaitTimeInMs: maxWaitMs,
    minBytes: 1,
    maxBytesPerPartition: options.maxBytesPerPartition ?? 1024 * 1024,
    maxBytes: options.maxBytes ?? 8 * 1024 * 1024,
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 100, maxRetryTime: 3_000, retries: 10, restartOnFailure: async (error) => isKafkaAway(error) },
  })
  const failure = deferred<never>()
  const state = new AssignmentState()
  const watch = new FetchWatch()
  const outage = createOutageLog(log, groupId)
  const { sleep, wake } = createWake()
  let isPaused = false
  let isStopping = false
  let pacedUntil = 0

  const pace = async () => {
    if (performance.now() < pacedUntil + paceMs) return
    await pause(paceMs)
    pacedUntil = performance.now()
  }

  /** The client's own pauses outlive a rebalance, and end up to `maxWaitMs` late. Throws what a heartbeat does: it is not ours to handle. */
  const whilePaused = async ({ heartbeat, isRunning }: Pick<EachBatchPayload, 'heartbeat' | 'isRunning'>) => {
    while (isPaused && !isStopping && isRunning()) {
      // Not after the sleep: when the group rebalances, each of what was fetched for other partitions would sleep before it gives way.
      await heartbeat()
      watch.held(performance.now())
      await sleep(heartbeatMs)
    }
  }

  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => {
    state.assign(payload.memberAssignment)
    handlers.onAssigned(state.generation)
    outage.joined()
    watch.joined(performance.now())
    log.debug({ group: groupId, generation: state.generation, partitions: state.size }, 'joined the group')
  })
  consumer.on(consumer.events.REBALANCING, () => watch.rejoining(performance.now()))
  consumer.on(consumer.events.FETCH_START, ({ payload }) => watch.asked(payload.nodeId, performance.now()))
  consumer.on(consumer.events.FETCH, ({ payload }) => watch.answered(payload.nodeId, performance.now()))
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (payload.restart) {
      outage.crashed(payload.error)
      watch.restarting(performance.now())
      return
    }
    const code = isKafkaAway(payload.error) ? 'unavailable' : 'internal'
    const message = `The consumer of ${groupId} stopped: ${payload.error.message}`
    failure.reject(new SynclineError(code, message, { cause: payload.error }))
  })

  const take = (batch: KafkaBatch, resolveOffset: (offset: string) => void): void => {
    const { topic, partition } = batch
    // Fetched before a rebalance that took the partition away: whoever has it now reads it from what was committed.
    if (!state.has(topic, partition)) return
    const expected = state.expectedStart(topic, partition)
    // A batch fetched before a rebalance can arrive after it: taking it would skip what was dropped at the rebalance.
    if (expected !== undefined && fetchedOffsetOf(batch) !== expected) {
      state.forgetStart(topic, partition)
      consumer.seek({ topic, partition, offset: expected.toString() })
      return
    }
    const lastOffset = batch.lastOffset()
    state.started(topic, partition, fetchedOffsetOf(batch))
    state.sawEnd(topic, partition, BigInt(batch.highWatermark))
    resolveOffset(lastOffset)
    handlers.onBatch({
      topic,
      partition,
      generation: state.generation,
      messages: messagesOf(batch, telemetry),
      nextOffset: BigInt(lastOffset) + 1n,
    })
  }

  return {
    failed: failure.promise,
    start: async () => {
      watch.rejoining(performance.now())
      try {
        await consumer.connect()
        await consumer.subscribe({ topics: [...topics], fromBeginning: true })
        await consumer.run({
          autoCommit: false,
          eachBatchAutoResolve: false,
          eachBatch: async (delivery) => {
            // What came while there was no room: of other partitions, or after a heartbeat that failed. If it is not taken, it comes again.
            await whilePaused(delivery)
            try {
              take(delivery.batch, delivery.resolveOffset)
              await pace()
            } catch (error) {
              // Anything thrown out of here would stop the client for good while the process lives on.
              failure.reject(error)
            }
            await whilePaused(delivery)
          },
        })
      } catch (cause) {
        throw new SynclineError('unavailable', `Could not join ${groupId}: ${messageOf(cause)}`, {
          cause,
          remedy: 'Check the brokers.',
        })
      }
    },
    commit: async (positions, generation) => {
      if (generation !== state.generation || positions.length === 0) return
      await consumer.commitOffsets(
        positions.map((p) => ({ topic: p.topic, partition: p.partition, offset: p.offset.toString() })),
      )
      if (generation === state.generation) for (const p of positions) state.committed(p)
    },
    pause: () => {
      isPaused = true
    },
    resume: () => {
      if (isPaused) wake()
      isPaused = false
    },
    stop: async () => {
      isStopping = true
      wake()
      await consumer.disconnect()
    },
    report: () => ({
      generation: state.generation,
      isPaused,
      isAway: watch.isAway,
      isJoining: watch.isJoining,
      silentMs: watch.silentMs(performance.now()),
      lag: state.lag(),
    }),
  }
}
