// What a batch is made of: canonical records ready for COPY with the page they came with, losers of the dedupe, dead letters.
import type { DeadLetterRow } from '../ledger/dead-letters.ts'
import type { PageKey } from '../ledger/landings.ts'
import type { Position } from '../platform/kafka/consumer.ts'
import type { Ask } from '../topics/asks.ts'
import type { DeadLetter } from '../topics/dead-letters.ts'
import type { EncodedRecord } from './postgres/copy.ts'

/** The records of one entity of one page attempt; one object per page and batch, so that it may be compared by identity. */
export interface PageRef extends PageKey {
  readonly entity: string
  readonly count: number
}

/** Where a record stands in its page; no page: it belongs to no run. */
export interface Placed {
  readonly page: PageRef | undefined
  readonly index: number
}

/** What a record was on Kafka: its dead letter must carry the original bytes. */
export interface Original {
  readonly value: Buffer | null
  readonly origin: string | undefined
  /** Its header of that name: kept with the record if it is parked. */
  readonly parents?: string | undefined
  /** Header of the dead letter that is replayed with it (topics/dead-letters.ts). */
  readonly replays?: string | undefined
}

export interface BatchRecord extends Placed {
  readonly entity: string
  readonly encoded: EncodedRecord
  readonly original: Original
}

/** A record that another of the same batch with the same id has beaten: it only needs its landing. */
export interface Loser extends Placed {
  readonly entity: string
  readonly externalId: string
  readonly replays?: string | undefined
  readonly outcome: 'unchanged' | 'stale'
}

export interface PlacedDeadLetter extends Placed {
  readonly letter: DeadLetterRow
}

/** `seenAt` as in the ledger. */
export interface BatchAsk extends Ask {
  readonly seenAt?: number
}

/** `records` have distinct ids. */
export interface MergeBatch {
  readonly records: readonly BatchRecord[]
  readonly losers: readonly Loser[]
  readonly deadLetters: readonly PlacedDeadLetter[]
  /** Records to be asked for by their id, whatever becomes of the others. */
  readonly asks: readonly BatchAsk[]
}

/** A dead letter to be produced, with the original bytes. */
export interface Rejected {
  readonly letter: DeadLetter
  readonly value: Buffer
}

/** A batch with what is to be produced and committed to Kafka when it is durable. */
export interface GatheredBatch extends MergeBatch {
  readonly generation: number
  readonly rejected: readonly Rejected[]
  readonly positions: readonly Position[]
  readonly bytes: number
}
