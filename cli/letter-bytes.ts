// The original bytes of dead letters, read back from their topic.
import { requireSettings } from '../platform/config.ts'
import { createKafka } from '../platform/kafka/client.ts'
import type { Message } from '../platform/kafka/record-batch.ts'
import { type DeadLetter, decodeDeadLetter } from '../topics/dead-letters.ts'
import type { Runtime } from './runtime.ts'

/** Kept so long on the topic (topics/list.ts). */
export const GONE = 'Kafka no longer has its bytes: the topic keeps them for 30 days.'

export const kafkaOf = ({ config, log }: Runtime) => {
  const { kafkaBrokers } = requireSettings(config, 'kafkaBrokers')
  return createKafka({ brokers: kafkaBrokers.split(','), clientId: 'syncline', log })
}

export interface LetterContent {
  readonly letter: DeadLetter
  readonly value: Buffer
}

/** Undefined for a message that is no letter of ours. */
export const contentOf = ({ headers, value }: Message): LetterContent | undefined => {
  try {
    return { letter: decodeDeadLetter(headers), value: value ?? Buffer.alloc(0) }
  } catch {
    return undefined
  }
}
