import fc from 'fast-check'
import { Partitioners } from 'kafkajs'
import { expect, test } from 'vitest'
import { partitionOf } from '../../../platform/kafka/partition.ts'

test('keys go to the partition that the Java client chooses', () => {
  const partitioner = Partitioners.DefaultPartitioner()
  const partitionMetadata = Array.from({ length: 12 }, (_, partitionId) => ({
    partitionId,
    leader: 0,
    isr: [],
    replicas: [],
    partitionErrorCode: 0,
  }))
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 60 }), (key) => {
      const message = { key: Buffer.from(key), value: null }
      expect(partitionOf(key, 12)).toBe(partitioner({ topic: 't', partitionMetadata, message }))
    }),
    { numRuns: 2_000 },
  )
})
