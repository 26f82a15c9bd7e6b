// The fetch role: commands in, pages on raw topics and receipts in the ledger out. Many slices at once, each of one range;
// a command's offset is committed when its slice has ended and its successor is on Kafka. A command is a wake-up: what waits is taken without.
import { createLeaseKeeper } from '../ledger/lease.ts'
import { rangesThatWait, releaseStrays } from '../ledger/ranges.ts'
import { DatabaseClock } from '../platform/database-clock.ts'
import { messageOf } from '../platform/errors.ts'
import { RoleHealth } from '../platform/health.ts'
import type { Batch, Consumer, ConsumerHandlers } from '../platform/kafka/consumer.ts'
import { OffsetWindow } from '../platform/kafka/offset-window.ts'
import type { Producer } from '../platform/kafka/producer.ts'
import { deferred, pause, persist, type Role } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway, type Pool } from '../platform/postgres.ts'
import { NO_SIGNALS, type Signals } from '../platform/signals.ts'
import { stopInOrder } from '../platform/stopping.ts'
import { NO_TELEMETRY, type Telemetry } from '../platform/telemetry.ts'
import { uuidv7 } from '../platform/uuid.ts'
import { createWake } from '../platform/wake.ts'
import { type FetchCommand, parseCommand } from '../topics/commands.ts'
import type { Topics } from '../topics/list.ts'
import { createAsker } from './asker.ts'
import { CommandQueue } from './command-queue.ts'
import { type CommandRunnerDeps, runCommand } from './command-runner.ts'
import type { Connections } from './connections.ts'
import type { Limiter } from './limiter/limiter.ts'
import { createReceiptWriter } from './receipt-writer.ts'

export interface FetcherDeps {
  readonly pool: Pool
  readonly producer: Producer
  readonly consumer: (topics: readonly string[], handlers: ConsumerHandlers) => Consumer
  readonly topics: Topics
  readonly limiter: Limiter
  readonly connections: Connections
  readonly signals?: Pick<Signals, 'news'>
  readonly log: Logger
  /** Slices at once in this process. */
  readonly concurrency?: number
  readonly health?: RoleHealth
  readonly telemetry?: Telemetry
}

const QUEUE_FULL = 500
const COMMIT_INTERVAL_MS = 500
const STRAYS_INTERVAL_MS = 5_000

export const createFetcher = (deps: FetcherDeps): Role => {
  const { pool, producer, log, concurrency = 16, telemetry = NO_TELEMETRY } = deps
  const { signals = NO_SIGNALS, health = new RoleHealth('fetch') } = deps
  const workerId = uuidv7()
  const failure = deferred<never>()
  const stopping = new AbortController()
  const { signal } = stopping
  const clock = new DatabaseClock()
  const lease = createLeaseKeeper(pool, workerId, ['fetch'], log)
  const inHand = new Set<FetchCommand>()
  const runner: CommandRunnerDeps = {
    ...deps,
    receipts: createReceiptWriter(pool, workerId),
    workerId,
    now: () => clock.now(),
    signal,
    inHand,
    outages: health,
    telemetry,
  }
  const asker = createAsker({ ...runner, signals })
  const queue = new CommandQueue()
  const slices = new Set<Promise<void>>()
  const { sleep, wake } = createWake()
  let window = new OffsetWindow()
  let generation = 0
  let straysAt = performance.now() + STRAYS_INTERVAL_MS
  let databaseBack: (() => void) | undefined
  let housekeeping: Promise<void> = Promise.resolve()
  let asking: Promise<void> = Promise.resolve()

  const fill = () => {
    while (slices.size < concurrency && !signal.aborted) {
      const next = queue.take()
      if (next === undefined) break
      const slice = runCommand(runner, next.command).then(() => {
        next.settle()
        slices.delete(slice)
        health.progress()
        fill()
      })
      slices.add(slice)
    }
    if (queue.size < QUEUE_FULL / 2) consumer.resume()
  }

  const onBatch = (batch: Batch) => {
    for (const message of batch.messages) {
      const settle = window.open(batch.topic, batch.partition, message.offset)
      const command = parseCommand(message.value)
      if (command) queue.add({ command, settle })
      else settle()
    }
    if (queue.size >= QUEUE_FULL) consumer.pause()
    fill()
    wake()
  }

  const onAssigned = (assigned: number) => {
    generation = assigned
    // Slices under way go on: their commands will come again and be dropped, because their epoch is taken.
    queue.clear()
    window = new OffsetWindow()
  }

  const commit = async () => {
    const positions = window.committable()
    const current = window
    await consumer.commit(positions, generation)
    current.committed(positions)
  }

  const giveUpStrays = async () => {
    if (performance.now() < straysAt) return
    const released = await releaseStrays(pool, workerId, [...inHand]).catch((error: unknown) => {
      // An idle fetcher learns here that PostgreSQL is away.
      if (isDatabaseAway(error)) databaseBack ??= health.away('PostgreSQL')
      throw error
    })
    straysAt = performance.now() + STRAYS_INTERVAL_MS
    databaseBack?.()
    databaseBack = undefined
    if (released > 0) log.warn({ ranges: released }, 'gave up ranges that were held without being worked on')
  }

  /** Which fetcher a command comes to is chance: one with slots to spare takes what waits at another. Theirs is dropped, for its epoch. */
  const relieveOthers = async () => {
    const spare = concurrency - slices.size - queue.size
    const { isAway, isJoining } = consumer.report()
    // A page that cannot be produced would cost the vendor a request.
    if (spare <= 0 || isAway || isJoining || signal.aborted) return
    for (const command of await rangesThatWait(pool, spare)) queue.add({ command, settle: () => undefined })
    fill()
  }

  const hasWork = () => slices.size > 0 || queue.size > 0

  const keepHouse = async () => {
    while (!signal.aborted) {
      if (!hasWork() && window.committable().length === 0 && databaseBack === undefined) await sleep(STRAYS_INTERVAL_MS)
      await pause(COMMIT_INTERVAL_MS, signal)
      // Not committed now is committed with the next: a repeated command does no harm.
      await commit().catch((error: unknown) => log.debug({ reason: messageOf(error) }, 'command offsets not committed'))
      await giveUpStrays().catch((error: unknown) => log.debug({ reason: messageOf(error) }, 'stray ranges not given up'))
      await relieveOthers().catch((error: unknown) => log.debug({ reason: messageOf(error) }, 'waiting ranges not looked up'))
      await clock.refresh(pool).catch((error: unknown) => log.debug({ reason: messageOf(error) }, 'clock not read'))
    }
    databaseBack?.()
  }

  const consumer = deps.consumer([deps.topics.commands], { onBatch, onAssigned })
  consumer.failed.catch(failure.reject)
  health.watch({ hasWork: () => hasWork() || asker.isBusy(), consumer: consumer.report })

  return {
    name: 'fetch',
    failed: failure.promise,
    start: async () => {
      const prepare = async () => {
        await clock.refresh(pool)
        await lease.start()
      }
      await persist(prepare, { what: 'PostgreSQL', log, signal, isAway: isDatabaseAway, outages: health })
      await deps.limiter.announce()
      await producer.connect()
      await consumer.start()
      housekeeping = keepHouse()
      asking = asker.run()
    },
    stop: () => {
      stopping.abort()
      wake()
      return stopInOrder('fetch', log, [
        { what: 'the pages in hand', end: () => Promise.all([asking, ...slices]) },
        { what: 'housekeeping', end: () => housekeeping },
        { what: 'the last commit', end: commit },
        { what: 'the consumer', end: consumer.stop },
        { what: 'the lease', end: lease.stop },
        { what: 'the connections to vendors', end: () => deps.connections.close() },
        { what: 'the producer', end: producer.disconnect },
      ])
    },
  }
}
