// A client of Kafka: connection settings, its log, and which of its errors mean that the brokers are away.
import type { Kafka, logCreator } from 'kafkajs'
import { SynclineError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { kafkajs } from './kafkajs.ts'

export interface KafkaOptions {
  readonly brokers: readonly string[]
  readonly clientId: string
  readonly log: Logger
}

// The client reports every retry as an error; what matters is thrown or emitted and reported by us.
const quietLog =
  (log: Logger): logCreator =>
  () =>
  ({ namespace, log: { message } }) =>
    log.debug({ namespace, message }, 'kafka client')

/** Longer than a broker waits for its replicas: one that lives has answered by then. A connection that is silent for longer is broken. */
const REQUEST_TIMEOUT_MS = 15_000
export const ACK_TIMEOUT_MS = 10_000

export const createKafka = ({ brokers, clientId, log }: KafkaOptions): Kafka => {
  return new kafkajs.Kafka({
    clientId,
    brokers: [...brokers],
    connectionTimeout: 5_000,
    requestTimeout: REQUEST_TIMEOUT_MS,
    retry: { initialRetryTime: 100, maxRetryTime: 3_000, retries: 8 },
    logLevel: kafkajs.logLevel.INFO,
    logCreator: quietLog(log),
  })
}

const AWAY =
  /Connection|Timeout|NoBroker|BrokerNotFound|GroupCoordinatorNotFound|NumberOfRetriesExceeded|RequestTimeout|LockTimeout|MetadataNotLoaded|Closed/
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
  // One retrier of the client inside another: the outer one wraps "retries exceeded" of the inner one as not to be tried again.
  if (error.name === 'KafkaJSNonRetriableError' && isKafkaAway(error.cause)) return true
  const type = 'type' in error ? String(error.type) : ''
  return error.name.startsWith('KafkaJS') && (AWAY.test(error.name) || AWAY_TYPES.has(type))
}
