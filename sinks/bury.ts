// Dead letters that the sink makes, on their topic: goes in what was refused, all in one go; whatever is away meanwhile is waited for.
import { ownersOfRuns } from '../ledger/runs.ts'
import type { Outages } from '../platform/health.ts'
import { isKafkaAway } from '../platform/kafka/client.ts'
import type { Producer } from '../platform/kafka/producer.ts'
import { persist } from '../platform/lifecycle.ts'
import type { Logger } from '../platform/logger.ts'
import { isDatabaseAway, type Pool } from '../platform/postgres.ts'
import { deadLetterMessage } from '../topics/dead-letters.ts'
import { DEAD_LETTER_PARTITIONS, type Topics } from '../topics/list.ts'
import type { Rejected } from './batch.ts'
import { UNKNOWN_OWNER } from './dead-letters.ts'

export interface BuryDeps {
  readonly pool: Pool
  readonly producer: Producer
  readonly topics: Topics
  readonly log: Logger
  readonly signal: AbortSignal
  readonly outages?: Outages | undefined
}

/** Resolves when all are on Kafka; rejects when the signal aborts before. */
export type BuryRejected = (all: readonly Rejected[]) => Promise<void>

export const createBury = ({ pool, producer, topics, log, signal, outages }: BuryDeps): BuryRejected => {
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

  return async (all) => {
    if (all.length === 0) return
    const owned = await persist(() => withOwners(all), { what: 'PostgreSQL', log, signal, isAway: isDatabaseAway, outages })
    const messages = owned.map(({ letter, value }) => deadLetterMessage(letter, value))
    await persist(() => producer.send([{ topic: topics.deadLetters, partitions: DEAD_LETTER_PARTITIONS, messages }]), {
      what: 'Kafka',
      log,
      signal,
      isAway: isKafkaAway,
      outages,
    })
    log.warn({ records: messages.length, reason: owned[0]?.letter.reason }, 'records refused, dead letters written')
  }
}
