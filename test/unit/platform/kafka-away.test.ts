import { createRequire } from 'node:module'
import { expect, test } from 'vitest'
import { isKafkaAway } from '../../../platform/kafka/client.ts'

const { KafkaJSConnectionError, KafkaJSGroupCoordinatorNotFound, KafkaJSNonRetriableError } = createRequire(import.meta.url)(
  'kafkajs/src/errors.js',
)

test('a broker that is away is known as such also where one retrier of the client wraps the error of another', () => {
  const refused = new KafkaJSConnectionError('Connection error: connect ECONNREFUSED', { broker: 'b', code: 'ECONNREFUSED' })
  expect(isKafkaAway(new KafkaJSNonRetriableError(refused, { cause: refused }))).toBe(true)
  expect(isKafkaAway(new KafkaJSNonRetriableError(new Error('wrong argument')))).toBe(false)
})

test('a broker that does not tell who coordinates a group is away', () => {
  expect(isKafkaAway(new KafkaJSGroupCoordinatorNotFound('Failed to find group coordinator'))).toBe(true)
})
