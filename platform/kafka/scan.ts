// One look over a topic: goes in its name, come out its messages from the beginning, or from a moment, to the end that it has at
// the start, partition by partition in order. Must hold: no other reader notices, and memory is that of one delivery.
import { SynclineError } from '../errors.ts'
import type { Look, Place } from './look.ts'
import type { Message } from './record-batch.ts'

export interface ScanOptions {
  readonly topic: string
  /** Only what was written at or after this, in ms since 1970. */
  readonly sinceMs: number | undefined
}

/** How far back a partition reaches, and which part of it is read: `from` (included) to `to` (excluded). */
export interface Reach {
  readonly partition: number
  readonly oldestOffset: bigint
  /** When the oldest message was written, in ms since 1970; null: there is none. */
  readonly oldestAt: number | null
  readonly from: bigint
  readonly to: bigint
}

/** Takes the messages of one delivery; the next one waits for it. */
export type OnMessages = (partition: number, messages: readonly Message[]) => Promise<void>

/**
 * Resolves when `onMessages` has taken the last message. Rejects with what `onMessages` throws, with 'unavailable' when the
 * brokers are away, with 'usage' when there is no such topic.
 */
export const scanTopic = async (
  look: Look,
  { topic, sinceMs }: ScanOptions,
  onMessages: OnMessages,
): Promise<readonly Reach[]> => {
  const reaches: Reach[] = []
  for (const partition of await look.partitions(topic)) reaches.push(await reachOf(look, { topic, partition }, sinceMs))
  if (reaches.length === 0) throw noTopic(topic)
  for (const { partition, from, to } of reaches)
    for await (const messages of look.read({ topic, partition }, from, to)) await onMessages(partition, messages)
  return reaches
}

const reachOf = async (look: Look, place: Place, sinceMs: number | undefined): Promise<Reach> => {
  const { low, high: to } = (await look.bounds(place)) ?? { low: 0n, high: 0n }
  const since = sinceMs === undefined ? low : await look.offsetAt(place, sinceMs)
  const oldestAt = (await firstOf(look, place, low, to))?.timestamp ?? null
  return { partition: place.partition, oldestOffset: low, oldestAt, from: since < to ? since : to, to }
}

const firstOf = async (look: Look, place: Place, from: bigint, to: bigint): Promise<Message | undefined> => {
  for await (const [first] of look.read(place, from, to)) return first
  return undefined
}

const noTopic = (topic: string): SynclineError =>
  new SynclineError('usage', `There is no topic ${topic}.`, {
    remedy: 'Check SYNCLINE_TOPIC_PREFIX; a worker creates the topics when it starts.',
  })
