// One look over a topic: goes in its name, come out its messages from the beginning, or from a moment, to the end that it has at
// the start; each partition in order. Must hold: no other reader notices, and memory is that of one delivery.
import type { Admin, Kafka, Batch as KafkaBatch, Consumer as KafkaConsumer } from 'kafkajs'
import { messageOf, SynclineError } from '../errors.ts'
import { deferred } from '../lifecycle.ts'
import type { Logger } from '../logger.ts'
import { isKafkaAway } from './client.ts'
import { receivedOf } from './kafkajs.ts'
import { type Message, readMessages } from './record-batch.ts'

export interface ScanOptions {
  readonly topic: string
  /** Of a group that nobody else uses: it is removed afterwards. */
  readonly groupId: string
  /** Only what was written at or after this, in ms since 1970. */
  readonly sinceMs?: number
  readonly log: Logger
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

// Pages are compressed to a tenth: see PAGE_LIMITS of the workers.
const MAX_BYTES_PER_PARTITION = 256 * 1024
const MAX_BYTES = 1024 * 1024
const SESSION_TIMEOUT_MS = 60_000
const LOOK_EVERY_MS = 5_000
/** Without a message for so long, what is still to be read will not come. */
const GIVE_UP_AFTER_MS = 60_000

interface Progress extends Reach {
  oldestAt: number | null
  next: bigint
}

const isDone = ({ next, to }: Progress): boolean => next >= to

const progressOf = async (admin: Admin, topic: string, sinceMs: number | undefined): Promise<readonly Progress[]> => {
  const offsets = await admin.fetchTopicOffsets(topic)
  const since = sinceMs === undefined ? [] : await admin.fetchTopicOffsetsByTimestamp(topic, sinceMs)
  const starts = new Map(since.map(({ partition, offset }) => [partition, BigInt(offset)]))
  return offsets.map(({ partition, low, high }) => {
    const [oldestOffset, to] = [BigInt(low), BigInt(high)]
    const from = starts.get(partition) ?? oldestOffset
    // `next` begins at the oldest message in any case: it says how far back the partition reaches.
    return { partition, oldestOffset, oldestAt: null, from: from < to ? from : to, to, next: oldestOffset }
  })
}

const fetchedOffsetOf = (batch: KafkaBatch): bigint =>
  'fetchedOffset' in batch ? BigInt(String(batch.fetchedOffset)) : BigInt(batch.firstOffset() ?? -1)

const messagesOf = (batch: KafkaBatch): Message[] => {
  const messages: Message[] = []
  for (const each of batch.messages) readMessages(receivedOf(each), fetchedOffsetOf(batch), messages)
  return messages
}

/**
 * Resolves when `onMessages` has taken the last message. Rejects with what `onMessages` throws, with 'unavailable' when the
 * brokers are away, with 'usage' when there is no such topic.
 */
export const scanTopic = async (kafka: Kafka, options: ScanOptions, onMessages: OnMessages): Promise<readonly Reach[]> => {
  const admin = kafka.admin()
  try {
    await admin.connect()
    if (!(await admin.listTopics()).includes(options.topic)) throw noTopic(options.topic)
    const progress = await progressOf(admin, options.topic, options.sinceMs)
    if (!progress.every(isDone)) await readAll(kafka, admin, options, progress, onMessages)
    return progress
  } catch (cause) {
    if (!isKafkaAway(cause)) throw cause
    throw new SynclineError('unavailable', `Kafka cannot be read: ${messageOf(cause)}`, { cause, remedy: 'Check the brokers.' })
  } finally {
    await admin.disconnect().catch(() => undefined)
  }
}

const noTopic = (topic: string): SynclineError =>
  new SynclineError('usage', `There is no topic ${topic}.`, {
    remedy: 'Check SYNCLINE_TOPIC_PREFIX; a worker creates the topics when it starts.',
  })

const readAll = async (
  kafka: Kafka,
  admin: Admin,
  { topic, groupId, log }: ScanOptions,
  progress: readonly Progress[],
  onMessages: OnMessages,
): Promise<void> => {
  const done = deferred<void>()
  const consumer = consumerOf(kafka, groupId)
  const seek = ({ partition, next }: Progress) => consumer.seek({ topic, partition, offset: next.toString() })
  // After a lost session too: what was read is not read again.
  consumer.on(consumer.events.GROUP_JOIN, () => progress.forEach(seek))
  consumer.on(consumer.events.CRASH, ({ payload }) => {
    if (!payload.restart) done.reject(payload.error)
  })

  /** When a delivery was last done with; infinite while one is being taken. */
  let lastAt = performance.now()
  const settle = () => {
    lastAt = performance.now()
    if (progress.every(isDone)) done.resolve()
  }
  const deliver = async (of: Progress, batch: KafkaBatch): Promise<void> => {
    lastAt = Number.POSITIVE_INFINITY
    await take(of, batch, onMessages)
    // A partition that is done is at its end, or is being written to by others: no more of it.
    if (isDone(of)) consumer.pause([{ topic, partitions: [of.partition] }])
    else if (of.next > BigInt(batch.lastOffset()) + 1n) seek(of)
    settle()
  }
  const look = setInterval(() => {
    lookFor(admin, topic, progress, performance.now() - lastAt).then((gone) => gone && settle(), done.reject)
  }, LOOK_EVERY_MS)
  try {
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      eachBatch: async ({ batch, resolveOffset }) => {
        resolveOffset(batch.lastOffset())
        const of = progress.find(({ partition }) => partition === batch.partition)
        // Anything thrown out of here would make the client deliver it again for ever.
        if (of !== undefined) await deliver(of, batch).catch(done.reject)
      },
    })
    await done.promise
  } finally {
    clearInterval(look)
    await consumer.disconnect().catch(() => undefined)
    // If this process is killed before, Kafka forgets the empty group by itself: nothing was committed.
    await admin.deleteGroups([groupId]).catch((error: unknown) => log.debug({ reason: messageOf(error) }, 'group not removed'))
  }
}

const consumerOf = (kafka: Kafka, groupId: string): KafkaConsumer =>
  kafka.consumer({
    groupId,
    sessionTimeout: SESSION_TIMEOUT_MS,
    heartbeatInterval: SESSION_TIMEOUT_MS / 20,
    maxWaitTimeInMs: 200,
    minBytes: 1,
    maxBytesPerPartition: MAX_BYTES_PER_PARTITION,
    maxBytes: MAX_BYTES,
    allowAutoTopicCreation: false,
    retry: { initialRetryTime: 100, maxRetryTime: 3_000, retries: 10, restartOnFailure: async (error) => isKafkaAway(error) },
  })

const take = async (of: Progress, batch: KafkaBatch, onMessages: OnMessages): Promise<void> => {
  const messages = messagesOf(batch)
  of.oldestAt ??= messages[0]?.timestamp ?? null
  if (of.next < of.from) of.next = of.from
  const wanted = messages.filter(({ offset }) => offset >= of.next && offset < of.to)
  if (wanted.length > 0) await onMessages(of.partition, wanted)
  const after = BigInt(batch.lastOffset()) + 1n
  if (of.next < after) of.next = after
}

/** True when something that was still to be read has left the log meanwhile. Throws when nothing comes any more. */
const lookFor = async (admin: Admin, topic: string, progress: readonly Progress[], silentMs: number): Promise<boolean> => {
  if (silentMs < LOOK_EVERY_MS) return false
  if (silentMs > GIVE_UP_AFTER_MS) {
    throw new SynclineError('unavailable', `Kafka has delivered nothing of ${topic} for ${GIVE_UP_AFTER_MS / 1000} s.`, {
      remedy: 'Check the brokers, and try again.',
    })
  }
  let gone = false
  for (const { partition, low } of await admin.fetchTopicOffsets(topic)) {
    const of = progress.find((each) => each.partition === partition)
    if (of === undefined || isDone(of) || BigInt(low) < of.to) continue
    of.next = of.to
    gone = true
  }
  return gone
}
