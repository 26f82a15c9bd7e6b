// Questions to the brokers that are asked again while these are away or changing over, with what is known of them renewed each time.
import { messageOf, SynclineError } from '../errors.ts'
import { backoffMs, pause } from '../lifecycle.ts'
import { isKafkaAway } from './client.ts'
import type { Cluster } from './kafkajs.ts'

/** A broker that restarts is back by then. The client tries again itself before it says that it cannot: a few times are enough then. */
const PATIENCE_MS = 30_000

export const unavailable = (message: string, cause?: unknown): SynclineError =>
  new SynclineError('unavailable', message, { cause, remedy: 'Check the brokers.' })

export const away = (cause: unknown): SynclineError =>
  cause instanceof SynclineError ? cause : unavailable(`Kafka cannot be reached: ${messageOf(cause)}`, cause)

/** Errors: `unavailable` when Kafka stays away; what it answers besides, as the client gives it. */
export const patiently = async <T>(cluster: Cluster, work: () => Promise<T>): Promise<T> => {
  const end = performance.now() + PATIENCE_MS
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!isKafkaAway(error)) throw error
      if (performance.now() > end) throw away(error)
      await pause(backoffMs(attempt))
      await cluster.refreshMetadata().catch(() => undefined)
    }
  }
}
