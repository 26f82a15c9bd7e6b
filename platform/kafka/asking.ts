// Questions to the brokers about topics: asked again while these are away or changing over, with what is known of them renewed each time.
import { messageOf, SynclineError } from '../errors.ts'
import { backoffMs, pause } from '../lifecycle.ts'
import { isKafkaAway } from './client.ts'
import type { Cluster } from './kafkajs.ts'

/** A broker that restarts is back by then. The client tries again itself before it says that it cannot: a few times are enough then. */
const PATIENCE_MS = 30_000

export const unavailable = (message: string, cause?: unknown): SynclineError =>
  new SynclineError('unavailable', message, { cause, remedy: 'Check the brokers.' })

const away = (cause: unknown): SynclineError =>
  cause instanceof SynclineError ? cause : unavailable(`Kafka cannot be reached: ${messageOf(cause)}`, cause)

export interface Asker {
  /** Throws SynclineError('unavailable'). */
  connect(): Promise<void>
  /**
   * Does `work` when the partitions of the topics are known, again while Kafka is not ready for it. Errors: `unavailable` when it stays
   * away, or when the asker is closed meanwhile; what the brokers answer besides, as the client gives it.
   */
  ask<T>(topics: readonly string[], work: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

export const createAsker = (cluster: Cluster): Asker => {
  let isClosed = false

  const whenKnown = async <T>(topics: readonly string[], work: () => Promise<T>): Promise<T> => {
    await cluster.addMultipleTargetTopics(topics)
    // A topic stays added when what was to be learned of it did not come, and what is known grows old.
    await cluster.refreshMetadataIfNecessary()
    return work()
  }

  const close = async (): Promise<void> => {
    isClosed = true
    await cluster.disconnect().catch(() => undefined)
  }

  return {
    connect: async () => {
      isClosed = false
      try {
        await cluster.connect()
      } catch (cause) {
        await close()
        throw away(cause)
      }
    },
    ask: async (topics, work) => {
      const end = performance.now() + PATIENCE_MS
      for (let attempt = 1; ; attempt++) {
        try {
          return await whenKnown(topics, work)
        } catch (error) {
          if (!isKafkaAway(error)) throw error
          await pause(backoffMs(attempt))
          // Closed, it would connect anew, and nobody would close that.
          if (isClosed || performance.now() > end) throw away(error)
          await cluster.refreshMetadata().catch(() => undefined)
        }
      }
    },
    close,
  }
}
