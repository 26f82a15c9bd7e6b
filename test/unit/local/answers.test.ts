import { expect, test } from 'vitest'
import { addressesFromEnvironment } from '../../../local/addresses.ts'
import { majorVersion } from '../../../local/java.ts'
import { downloadedFile } from '../../../local/maven.ts'
import { freePorts } from '../../../local/ports.ts'
import { brokersIn, metadataRequest } from '../../../local/services/kafka-probe.ts'

test('the variable of our own name wins over the general one, and an empty one is not set', () => {
  expect(addressesFromEnvironment({ SYNCLINE_DATABASE_URL: 'postgres://a', DATABASE_URL: 'postgres://b' })).toEqual({
    postgres: 'postgres://a',
  })
  expect(addressesFromEnvironment({ SYNCLINE_REDIS_URL: '', REDIS_URL: 'redis://b' })).toEqual({ redis: 'redis://b' })
  expect(addressesFromEnvironment({ SYNCLINE_KAFKA_BROKERS: '' })).toEqual({})
})

test('the version of Java is read from what old and new ones print', () => {
  expect(majorVersion('openjdk version "17.0.15" 2025-04-15')).toBe(17)
  expect(majorVersion('java version "1.8.0_292"')).toBe(8)
  expect(majorVersion('openjdk version "25" 2025-09-16')).toBe(25)
  expect(majorVersion('command not found')).toBeUndefined()
})

test('of what Maven prints, finished downloads of jars and archives are told', () => {
  const url = 'https://repository.example/maven2/org/apache/kafka/kafka-clients/4.1.0/kafka-clients-4.1.0'
  expect(downloadedFile(`[INFO] Downloaded from central: ${url}.jar (9.9 MB at 20 MB/s)`)).toBe(
    'kafka-clients-4.1.0.jar (9.9 MB at 20 MB/s)',
  )
  expect(downloadedFile(`[INFO] Downloaded from central: ${url}.pom (1.2 kB at 20 kB/s)`)).toBeUndefined()
  expect(downloadedFile(`[INFO] Downloading from central: ${url}.jar`)).toBeUndefined()
})

test('a metadata request says its own length and asks for version 4', () => {
  const request = metadataRequest()
  expect(request.readInt32BE(0)).toBe(request.length - 4)
  expect([request.readInt16BE(4), request.readInt16BE(6)]).toEqual([3, 4])
})

test('a broker is ready when its metadata lists a broker', () => {
  const answer = (correlationId: number, brokers: number) => {
    const buffer = Buffer.alloc(12)
    buffer.writeInt32BE(correlationId, 0)
    buffer.writeInt32BE(brokers, 8)
    return buffer
  }
  expect(brokersIn(answer(1, 0))).toBe(0)
  expect(brokersIn(answer(1, 1))).toBe(1)
  expect(() => brokersIn(answer(7, 1))).toThrow('not the answer of a Kafka broker')
  expect(() => brokersIn(Buffer.from('HTTP'))).toThrow('not the answer of a Kafka broker')
})

test('ports handed out together are different', async () => {
  expect(new Set(await freePorts(8)).size).toBe(8)
})
