// The only folder that imports kafkajs (docs/decisions/0005-kafkajs.md): connection settings, its log, and one repaired method.
import { promisify } from 'node:util'
import { gunzip, gzip } from 'node:zlib'
import kafkajs, { type Kafka, type logCreator } from 'kafkajs'
// @ts-expect-error kafkajs ships no types for its inner modules
import RequestQueue from 'kafkajs/src/network/requestQueue/index.js'
import { SynclineError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { repairEncoder } from './encoder-repair.ts'

export interface KafkaOptions {
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly log: Logger
}

interface Queue {
  pending: unknown[]
  throttledUntil: number
  throttleCheckTimeoutId: NodeJS.Timeout | null
  checkPendingRequests(): void
}

// kafkajs 2.2.4 re-arms this timer for ever with a negative delay (its issues 1704, 1751): hundreds of wake-ups a second when
// idle. Ours arms it only when something is pending. test/unit/platform/kafka-client.test.ts tells when it is no longer needed.
function scheduleCheckPendingRequests(this: Queue): void {
  if (this.throttleCheckTimeoutId !== null || this.pending.length === 0) return
  this.throttleCheckTimeoutId = setTimeout(
    () => {
      this.throttleCheckTimeoutId = null
      this.checkPendingRequests()
    },
    Math.max(10, this.throttledUntil - Date.now()),
  )
}

const [compress, decompress] = [promisify(gzip), promisify(gunzip)]

// The client's own codec compresses at level 6; at 1, JSON is nearly as small for a third of the work, in another thread.
const fastGzip = () => ({
  compress: ({ buffer }: { readonly buffer: Buffer }) => compress(buffer, { level: 1 }),
  decompress: (buffer: Buffer) => decompress(buffer),
})

const repairClient = (): void => {
  kafkajs.CompressionCodecs[kafkajs.CompressionTypes.GZIP] = fastGzip
  RequestQueue.prototype.scheduleCheckPendingRequests = scheduleCheckPendingRequests
}

// The client reports every retry as an error; what matters is thrown or emitted and reported by us.
const quietLog =
  (log: Logger): logCreator =>
  () =>
  ({ namespace, log: { message } }) =>
    log.debug({ namespace, message }, 'kafka client')

export const createKafka = ({ brokers, clientId, log }: KafkaOptions): Kafka => {
  repairClient()
  repairEncoder()
  return new kafkajs.Kafka({
    clientId,
    brokers: [...brokers],
    connectionTimeout: 5_000,
    requestTimeout: 30_000,
    retry: { initialRetryTime: 100, maxRetryTime: 3_000, retries: 8 },
    logLevel: kafkajs.logLevel.INFO,
    logCreator: quietLog(log),
  })
}

const AWAY =
  /Connection|Timeout|NoBroker|BrokerNotFound|NumberOfRetriesExceeded|RequestTimeout|LockTimeout|MetadataNotLoaded|Closed/
const AWAY_TYPES = new Set([
  'NOT_LEADER_FOR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'REQUEST_TIMED_OUT',
  'NETWORK_EXCEPTION',
  'NOT_ENOUGH_REPLICAS',
  'NOT_ENOUGH_REPLICAS_AFTER_APPEND',
])

/** True when the brokers cannot be reached or are changing over: wait and try again. */
export const isKafkaAway = (error: unknown): boolean => {
  if (error instanceof SynclineError) return error.code === 'unavailable' || isKafkaAway(error.cause)
  if (!(error instanceof Error)) return false
  const type = 'type' in error ? String(error.type) : ''
  return error.name.startsWith('KafkaJS') && (AWAY.test(error.name) || AWAY_TYPES.has(type))
}
