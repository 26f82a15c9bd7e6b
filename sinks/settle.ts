// The one place where a batch is settled: merge, dead letters, commit, in this order. An offset is committed only when all that
// came before it is durable (invariant 1); whatever is away meanwhile is waited for.
import { messageOf } from '../platform/errors.ts'
import { failpoint } from '../platform/failpoints.ts'
import type { Outages } from '../platform/health.ts'
import { isKafkaAway } from '../platform/kafka/client.ts'
import type { Consumer } from '../platform/kafka/consumer.ts'
import { persist } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway, type Pool, sqlState } from '../platform/postgres.ts'
import { NO_TELEMETRY, type Telemetry, timed } from '../platform/telemetry.ts'
import type { GatheredBatch, MergeBatch, Rejected } from './batch.ts'
import type { BuryRejected } from './bury.ts'
import { refused as refusedLetter, refusedParked } from './dead-letters.ts'
import { createExpectation } from './expectation.ts'
import { mergeIsolating } from './isolate.ts'
import { mergeBatch, type OutcomeCounts } from './postgres/merge.ts'
import { sweepAfter } from './postgres/sweep.ts'
import { createCountedRanges } from './seen.ts'

export interface SettleDeps {
  readonly pool: Pool
  readonly consumer: Pick<Consumer, 'commit'>
  readonly bury: BuryRejected
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
  const { pool, consumer, bury, log, signal, outages, telemetry = NO_TELEMETRY } = deps
  const counted = createCountedRanges()
  const expectation = createExpectation()
  const whileDatabaseAway = { what: 'PostgreSQL', log, signal, isAway: isDatabaseBusy, outages }
  const whileKafkaAway = { what: 'Kafka', log, signal, isAway: isKafkaAway, outages }

  const merge = async (batch: MergeBatch): Promise<readonly Rejected[]> => {
    const result = await timed(telemetry, 'syncline_sink_merge_seconds', {}, () => mergeBatch(pool, batch, counted, expectation))
    await failpoint('sink.after-commit')
    countOutcomes(telemetry, result.outcomes)
    log.debug(result.counts, 'batch merged')
    if (result.dropped > 0) log.info({ records: result.dropped }, 'records of forgotten organisations dropped')
    try {
      await sweepAfter(pool, result, (rows) => bury(rows.map(refusedParked)))
    } catch (error) {
      // The batch is durable; its parked rows are looked at again before their entity closes, and each minute.
      log.warn({ reason: messageOf(error) }, 'parked rows not swept')
    }
    return result.refused.map(({ record, why }) => refusedLetter(record, why))
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
