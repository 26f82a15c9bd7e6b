// Builds one batch: go in encoded records, dead letters and positions in the order of their partitions, comes out what a merge
// takes. Pure: no clock, no client. Must hold: the ids that come out are distinct; the beaten are losers with an outcome.
import type { DeadLetterRow } from '../ledger/dead-letters.ts'
import type { Position } from '../platform/kafka/consumer.ts'
import type { Ask } from '../topics/asks.ts'
import { isHint } from '../topics/hints.ts'
import { askOf } from './asks.ts'
import type { BatchAsk, BatchRecord, GatheredBatch, Loser, Original, PlacedDeadLetter, Rejected } from './batch.ts'
import { isOvertaken, seenAtOf } from './overtaken.ts'
import { createPageBook } from './pages.ts'
import type { EncodedRecord } from './postgres/copy.ts'
import { isDoubtful, isNewer } from './version.ts'

export interface GatherLimits {
  readonly maxRecords: number
  readonly maxBytes: number
}

export interface Gatherer {
  readonly generation: number
  readonly isEmpty: boolean
  readonly isFull: boolean
  /** It holds what somebody waits for: a record that belongs to no run. */
  readonly isUrgent: boolean
  record(entity: string, encoded: EncodedRecord, original: Original): void
  deadLetter(letter: DeadLetterRow, originHeader: string | undefined): void
  ask(ask: Ask): void
  /** A message that cannot become a record: its dead letter is produced before the batch's positions are committed. */
  reject(rejected: Rejected): void
  /** All of this partition before `offset` is in the batch, or needs nothing. */
  passed(topic: string, partition: number, offset: bigint): void
  take(): GatheredBatch
}

// Roughly what a record holds besides its bytes; it need only be of the right order.
const RECORD_OVERHEAD_BYTES = 300

const loserOf = (loser: BatchRecord, winner: BatchRecord): Loser => ({
  page: loser.page,
  index: loser.index,
  entity: loser.entity,
  externalId: loser.encoded.externalId,
  replays: loser.original.replays,
  outcome: loser.encoded.contentHash === winner.encoded.contentHash ? 'unchanged' : 'stale',
})

/** An answer to a question is not asked after again. */
const wasOvertaken = (record: BatchRecord, standing: BatchRecord): boolean =>
  (record.page !== undefined || isHint(record.encoded)) && isOvertaken(record.encoded, standing.encoded)

export const createGatherer = (limits: GatherLimits, generation: number): Gatherer => {
  const winners = new Map<string, BatchRecord>()
  const losers: Loser[] = []
  const deadLetters: PlacedDeadLetter[] = []
  const rejected: Rejected[] = []
  const asks: BatchAsk[] = []
  const positions = new Map<string, Position>()
  const pageOf = createPageBook()
  let bytes = 0
  let isUrgent = false

  const contend = (record: BatchRecord): void => {
    const standing = winners.get(record.encoded.id)
    if (standing !== undefined && isDoubtful(record.encoded, standing.encoded)) asks.push(askOf(record))
    else if (standing !== undefined && wasOvertaken(record, standing)) {
      asks.push({ ...askOf(record), seenAt: seenAtOf(record.encoded) })
    }
    if (standing !== undefined && !isNewer(record.encoded, standing.encoded)) {
      losers.push(loserOf(record, standing))
      return
    }
    if (standing !== undefined) losers.push(loserOf(standing, record))
    winners.set(record.encoded.id, record)
  }

  return {
    generation,
    get isEmpty() {
      return positions.size === 0
    },
    get isFull() {
      const messages = winners.size + losers.length + deadLetters.length + rejected.length + asks.length
      return messages >= limits.maxRecords || bytes >= limits.maxBytes
    },
    get isUrgent() {
      return isUrgent
    },
    record: (entity, encoded, original) => {
      bytes += encoded.row.end - encoded.row.start + (original.value?.length ?? 0) + RECORD_OVERHEAD_BYTES
      const { page, index } = pageOf(entity, original.origin)
      isUrgent ||= page === undefined
      contend({ encoded, entity, page, index, original })
    },
    deadLetter: (letter, originHeader) => {
      bytes += RECORD_OVERHEAD_BYTES + letter.reason.length
      deadLetters.push({ ...pageOf(letter.entity, originHeader), letter })
    },
    ask: (ask) => {
      bytes += RECORD_OVERHEAD_BYTES
      isUrgent = true
      asks.push(ask)
    },
    reject: (letter) => {
      bytes += RECORD_OVERHEAD_BYTES + letter.value.length
      rejected.push(letter)
    },
    passed: (topic, partition, offset) => void positions.set(`${topic}/${partition}`, { topic, partition, offset }),
    take: () => ({
      generation,
      records: [...winners.values()],
      losers,
      deadLetters,
      rejected,
      asks,
      positions: [...positions.values()],
      bytes,
    }),
  }
}
