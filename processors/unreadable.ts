// A message of a raw topic that cannot be worked on at all: its headers and bytes go in, its dead letter comes out. Pure.
import type { OutgoingMessage } from '../platform/kafka/record-batch.ts'
import { deadLetterMessage } from '../topics/dead-letters.ts'
import type { Headers } from '../topics/headers.ts'

export const unreadable = (headers: Headers, bytes: Buffer, reason: string): OutgoingMessage =>
  deadLetterMessage(
    {
      orgId: headers['org'] ?? 'unknown',
      source: headers['source'] ?? 'unknown',
      entity: headers['entity'] ?? 'unknown',
      externalId: null,
      stage: 'process',
      code: 'unreadable',
      reason,
      origin: undefined,
    },
    bytes,
  )
