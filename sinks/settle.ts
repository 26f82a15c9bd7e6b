// The one place where a batch is settled: merge, dead letters, commit, in this order. An offset is committed only when all that
// came before it is durable (invariant 1); whatever is away meanwhile is waited for.
import { ownersOfRuns } from '../ledger/runs.ts'
import { messageOf } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Outages } from '../platform/health.ts'
import { isKafkaAway } from '../platform/kafka/client.ts'
import type { Consumer } from '../platform/kafka/consumer.ts'
import type { Producer } from '../platform/kafka/producer.ts'
import { persist } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway, type Pool, sqlState } from '../platform/postgres.ts'
import { NO_TELEMETRY, type Telemetry, timed } from '../platform/telemetry.ts'
import { deadLetterMessage } from '../topics/dead-letters.ts'
import { DEAD_LETTER_PARTITIONS, type Topics } from '../topics/list.ts'
import type { GatheredBatch, MergeBatch, Rejected } from './batch.ts'
import { refused as refusedLetter, UNKNOWN_OWNER } from './dead-letters.ts'
import { mergeIsolating } from './isolate.ts'
import { mergeBatch, type OutcomeCounts } from './postgres/merge.ts'
import { sweepAfter } from './postgres/sweep.ts'
import { createCountedRanges } from './seen.ts'

export interface SettleDeps {
  readonly pool: Pool
  readonly producer: Producer
  readonly consumer: Pick<Consumer, 'commit'>
  readonly topics: Topics
  readonly log: Logger
  readonly signal: AbortSignal
  readonly outages?: Outages | undefined
  readonly telemetry?: Telemetry | undefined
}

export type Settle = (batch: GatheredBatch) => Promise<void>

// A statement that ran into its time-out or waited too long for a lock: nothing is wrong with it either.
const TIME_OUTS = new Set(['57014', '55P03', '25P03'])

/** True when the same statement may well succeed later. */
const isDatabaseBusy = (error: unknown): boolean => isDatabaseAway(error) || TIME_OUTS.has(sqlState(error) ?? '')

const countOutcomes = (telemetry: Telemetry, outcomes: OutcomeCounts): void => {
  for (const [entity, counts] of outcomes) {
    for (const [outcome, n] of Object.entries(counts)) {
      if (n > 0) telemetry.add('syncline_sink_records_total', { entity, outcome }, n)
    }
  }
}

export const createSettle = (deps: SettleDeps): Settle => {
  const { pool, producer, consumer, topics, log, signal, outages, telemetry = NO_TELEMETRY } = deps
  const counted = createCountedRanges()
  const whileDatabaseAway = { what: 'PostgreSQL', log, signal, isAway: isDatabaseBusy, outages }
  const whileKafkaAway = { what: 'Kafka', log, signal, isAway: isKafkaAway, outages }

  const merge = async (batch: MergeBatch): Promise<readonly Rejected[]> => {
    const result = await timed(telemetry, 'syncline_sink_merge_seconds', {}, () => mergeBatch(pool, batch, counted))
    await failpoint('sink.after-commit')
    countOutcomes(telemetry, result.outcomes)
    log.debug(result.counts, 'batch merged')
    try {
      await sweepAfter(pool, result)
    } catch (error) {
      // The batch is durable; its parked rows are looked at again before their entity closes, and each minute.
      log.warn({ reason: messageOf(error) }, 'parked rows not swept')
    }
    return result.refused.map(({ record, why }) => refusedLetter(record, why))
  }

  /** A message that could not be read names no owner; the run that it came with does. One question for all. */
  const withOwners = async (all: readonly Rejected[]): Promise<readonly Rejected[]> => {
    const runIds = all.flatMap(({ letter }) => (letter.orgId === UNKNOWN_OWNER ? (letter.origin?.runId ?? []) : []))
    const owners = await ownersOfRuns(pool, new Set(runIds))
    return all.map((rejected) => {
      const { letter } = rejected
      const owner = letter.orgId === UNKNOWN_OWNER && letter.origin ? owners.get(letter.origin.runId) : undefined
      return owner === undefined ? rejected : { ...rejected, letter: { ...letter, ...owner } }
    })
  }

  const bury = async (all: readonly Rejected[]): Promise<void> => {
    if (all.length === 0) return
    const owned = await persist(() => withOwners(all), whileDatabaseAway)
    const messages = owned.map(({ letter, value }) => deadLetterMessage(letter, value))
    await persist(
      () => producer.send([{ topic: topics.deadLetters, partitions: DEAD_LETTER_PARTITIONS, messages }]),
      whileKafkaAway,
    )
    log.warn({ records: messages.length, reason: owned[0]?.letter.reason }, 'records refused, dead letters written')
  }

  const commit = async ({ positions, generation }: GatheredBatch): Promise<void> => {
    try {
      await persist(() => consumer.commit(positions, generation), whileKafkaAway)
    } catch (error) {
      // The group moved on: what was not committed is delivered again, and found merged.
      log.debug({ reason: messageOf(error) }, 'offsets not committed')
    }
  }

  return async (batch) => {
    const refused = await persist(() => mergeIsolating(batch, merge, log), whileDatabaseAway)
    await bury([...batch.rejected, ...refused])
    await commit(batch)
  }
}
