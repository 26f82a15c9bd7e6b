// Messages into a batch: goes in what the consumer delivered, comes out more of the gatherer. Never throws for a message.
import { messageOf } from '../platform/errors.ts'
import type { Batch } from '../platform/kafka/consumer.ts'
import type { Message } from '../platform/kafka/record-batch.ts'
import { parseAsk } from '../topics/asks.ts'
import { canonicalEntities } from '../topics/canonical.ts'
import type { CanonicalDecoder } from '../topics/canonical-codec.ts'
import { decodeDeadLetter, REPLAY_HEADER } from '../topics/dead-letters.ts'
import { ORIGIN_HEADER, PARENTS_HEADER } from '../topics/headers.ts'
import type { Topics } from '../topics/list.ts'
import { registrable, unencodable, unreadable } from './dead-letters.ts'
import type { Gatherer } from './gather.ts'
import { createRecordEncoder, type RecordEncoder } from './postgres/copy.ts'
import { createTranscoder, type Transcoder } from './postgres/transcode.ts'

/** What a reader saw that leads to no row; for the log. */
interface ReadCounts {
  tombstones: number
  unreadableDeadLetters: number
  unreadableAsks: number
  replacedCharacters: number
}

export interface Reader {
  readonly topics: readonly string[]
  /** What was seen since the last call; undefined when there is nothing to say. */
  takeCounts(): ReadCounts | undefined
  /** Adds messages `from` (included) to `to` (excluded) of the batch. The decoder must have been prepared for them. */
  read(batch: Batch, from: number, to: number, into: Gatherer): void
}

const noCounts = (): ReadCounts => ({ tombstones: 0, unreadableDeadLetters: 0, unreadableAsks: 0, replacedCharacters: 0 })

type Attempt<T> = { readonly value: T; readonly error?: undefined } | { readonly error: string }

const attempt = <T>(work: () => T): Attempt<T> => {
  try {
    return { value: work() }
  } catch (error) {
    return { error: messageOf(error) }
  }
}

interface Source {
  readonly entity: string
  readonly transcode: Transcoder
  readonly encode: RecordEncoder
}

export const createReader = (topics: Topics, decoder: CanonicalDecoder): Reader => {
  let counts = noCounts()
  const onReplaced = (count: number) => {
    counts.replacedCharacters += count
  }
  const sources = new Map<string, Source>(
    canonicalEntities.map((e) => [
      topics.canonical(e.entity),
      { entity: e.entity, transcode: createTranscoder(e), encode: createRecordEncoder(e, onReplaced) },
    ]),
  )

  const readRecord = ({ entity, transcode, encode }: Source, { value, headers }: Message, into: Gatherer): void => {
    // A null value is written only when an organisation is forgotten, which removes its rows itself.
    if (value === null) {
      counts.tombstones++
      return
    }
    const original = { value, origin: headers[ORIGIN_HEADER], parents: headers[PARENTS_HEADER], replays: headers[REPLAY_HEADER] }
    const transcoded = decoder.isOurs(entity, value) ? transcode(value) : undefined
    if (transcoded !== undefined) {
      into.record(entity, transcoded, original)
      return
    }
    const record = attempt(() => decoder.decode(entity, value))
    if (record.error !== undefined) {
      into.reject(unreadable(entity, original, record.error))
      return
    }
    const encoded = attempt(() => encode(record.value))
    if (encoded.error === undefined) into.record(entity, encoded.value, original)
    else into.reject(unencodable(entity, record.value, original, encoded.error))
  }

  const readDeadLetter = (batch: Batch, { offset, value, headers }: Message, into: Gatherer): void => {
    try {
      const { topic, partition } = batch
      const row = registrable(decodeDeadLetter(headers), { topic, partition, offset }, value?.length ?? 0)
      into.deadLetter(row, headers[ORIGIN_HEADER])
    } catch {
      // Its headers are the letter: without them there is nothing to record, and its own dead letter would have none either.
      counts.unreadableDeadLetters++
    }
  }

  const readAsk = ({ value }: Message, into: Gatherer): void => {
    const ask = parseAsk(value)
    if (ask === undefined) counts.unreadableAsks++
    else into.ask(ask)
  }

  return {
    topics: [...sources.keys(), topics.deadLetters, topics.asks],
    takeCounts: () => {
      const seen = counts
      counts = noCounts()
      return Object.values(seen).some((n) => n > 0) ? seen : undefined
    },
    read: (batch, from, to, into) => {
      const source = sources.get(batch.topic)
      for (const message of batch.messages.slice(from, to)) {
        if (source !== undefined) readRecord(source, message, into)
        else if (batch.topic === topics.asks) readAsk(message, into)
        else readDeadLetter(batch, message, into)
      }
      const next = batch.messages[to]
      into.passed(batch.topic, batch.partition, next === undefined ? batch.nextOffset : next.offset)
    },
  }
}
