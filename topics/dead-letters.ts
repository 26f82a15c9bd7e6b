// A dead letter: the original bytes of one record as the value, and in headers where it comes from and why it died.
import { z } from 'zod'
import {
  decodeRecordOrigin,
  encodeRecordOrigin,
  type Headers,
  ORIGIN_HEADER,
  originPrefix,
  type RecordOrigin,
} from './headers.ts'

export const DEAD_LETTER_CODES = [
  'missing-id',
  'invalid-record',
  'too-large',
  'unreadable',
  'mapping',
  'encoding',
  'constraint',
] as const

export interface DeadLetter {
  readonly orgId: string
  readonly source: string
  readonly entity: string
  /** Null when the record has none. */
  readonly externalId: string | null
  readonly stage: 'fetch' | 'process' | 'sink'
  readonly code: (typeof DEAD_LETTER_CODES)[number]
  /** What is wrong with which field; never a payload value. At most 500 characters. */
  readonly reason: string
  readonly origin: RecordOrigin | undefined
}

const headersSchema = z.object({
  org: z.string(),
  source: z.string(),
  entity: z.string(),
  id: z.string().optional(),
  stage: z.enum(['fetch', 'process', 'sink']),
  code: z.enum(DEAD_LETTER_CODES),
  reason: z.string(),
})

export const encodeDeadLetter = (letter: DeadLetter): Headers => ({
  org: letter.orgId,
  source: letter.source,
  entity: letter.entity,
  ...(letter.externalId === null ? {} : { id: letter.externalId }),
  stage: letter.stage,
  code: letter.code,
  reason: letter.reason.slice(0, 500),
  ...(letter.origin === undefined
    ? {}
    : { [ORIGIN_HEADER]: encodeRecordOrigin(originPrefix(letter.origin), letter.origin.index, letter.origin.count) }),
})

/** Throws ZodError when a header is missing or of the wrong form. */
export const decodeDeadLetter = (headers: Headers): DeadLetter => {
  const h = headersSchema.parse(headers)
  return {
    orgId: h.org,
    source: h.source,
    entity: h.entity,
    externalId: h.id ?? null,
    stage: h.stage,
    code: h.code,
    reason: h.reason,
    origin: decodeRecordOrigin(headers[ORIGIN_HEADER]),
  }
}
