// A dead letter: the original bytes of one record as the value, and in headers where it comes from and why it died.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { OutgoingMessage } from '../platform/kafka/record-batch.ts'
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
  'unknown-event',
] as const

/** delivery: the value is one of a body's deliveries, or a body that has none. record: the whole answer for one record. */
const LIVE_KINDS = ['delivery', 'record'] as const

export const DEAD_LETTER_STAGES = ['fetch', 'process', 'sink'] as const

/** Where a letter stands on its topic: its name for good. */
export interface LetterPlace {
  readonly topic: string
  readonly partition: number
  readonly offset: bigint
}

/** The value is only the beginning of what was received. */
export interface Cut {
  /** Bytes that were read; their SHA-256 in hex. */
  readonly readBytes: number
  readonly sha256: string
  /** The whole length, where it is known. */
  readonly fullBytes: number | null
}

export interface DeadLetter {
  readonly orgId: string
  readonly source: string
  readonly entity: string
  /** Null when the record has none. */
  readonly externalId: string | null
  readonly stage: (typeof DEAD_LETTER_STAGES)[number]
  readonly code: (typeof DEAD_LETTER_CODES)[number]
  /** What is wrong with which field; never a payload value. At most 500 characters. */
  readonly reason: string
  readonly origin: RecordOrigin | undefined
  /** Start of the request that brought the record, in ms since 1970: a replay is no newer than that. Of stage 'process'. */
  readonly observedAt?: number | undefined
  /** Of the page. Of stage 'process'. */
  readonly traceparent?: string | undefined
  /** Path and query of the request. Of stage 'fetch'. */
  readonly request?: string | undefined
  readonly cut?: Cut | undefined
  /** As which message of raw.<adapter>.live it came, if it belongs to no run. Of stage 'process'. */
  readonly live?: (typeof LIVE_KINDS)[number] | undefined
  /** The letter whose replay ended in this one. */
  readonly replays?: LetterPlace | undefined
}

/** On a raw page or canonical record: the letter that is being replayed with it. */
export const REPLAY_HEADER = 'replay'

export const encodePlace = ({ topic, partition, offset }: LetterPlace): string => `${topic}/${partition}/${offset}`

const PLACE = /^([\w./-]{1,255})\/(\d{1,9})\/(\d{1,18})$/

/** Undefined when the header is absent or not of the form. */
export const decodePlace = (header: string | undefined): LetterPlace | undefined => {
  const [, topic, partition, offset] = header === undefined ? [] : (PLACE.exec(header) ?? [])
  if (topic === undefined || partition === undefined || offset === undefined) return undefined
  return { topic, partition: Number(partition), offset: BigInt(offset) }
}

const headersSchema = z.object({
  org: z.string(),
  source: z.string(),
  entity: z.string(),
  id: z.string().optional(),
  stage: z.enum(DEAD_LETTER_STAGES),
  code: z.enum(DEAD_LETTER_CODES),
  reason: z.string(),
  'observed-at': z.coerce.number().int().optional(),
  traceparent: z.string().optional(),
  request: z.string().optional(),
  live: z.enum(LIVE_KINDS).optional(),
  'read-bytes': z.coerce.number().int().min(0).optional(),
  'read-sha256': z.string().optional(),
  'full-bytes': z.coerce.number().int().min(0).optional(),
})

const cutHeaders = (cut: Cut | undefined): Headers =>
  cut === undefined
    ? {}
    : {
        'read-bytes': String(cut.readBytes),
        'read-sha256': cut.sha256,
        ...(cut.fullBytes === null ? {} : { 'full-bytes': String(cut.fullBytes) }),
      }

export const encodeDeadLetter = (letter: DeadLetter): Headers => ({
  org: letter.orgId,
  source: letter.source,
  entity: letter.entity,
  ...(letter.externalId === null ? {} : { id: letter.externalId }),
  stage: letter.stage,
  code: letter.code,
  reason: letter.reason.slice(0, 500),
  ...(letter.observedAt === undefined ? {} : { 'observed-at': String(letter.observedAt) }),
  ...(letter.traceparent === undefined ? {} : { traceparent: letter.traceparent }),
  ...(letter.request === undefined ? {} : { request: letter.request }),
  ...cutHeaders(letter.cut),
  ...(letter.live === undefined ? {} : { live: letter.live }),
  ...(letter.replays === undefined ? {} : { [REPLAY_HEADER]: encodePlace(letter.replays) }),
  ...(letter.origin === undefined
    ? {}
    : { [ORIGIN_HEADER]: encodeRecordOrigin(originPrefix(letter.origin), letter.origin.index, letter.origin.count) }),
})

const cutOf = (h: z.output<typeof headersSchema>): Cut | undefined => {
  const { 'read-bytes': readBytes, 'read-sha256': sha256, 'full-bytes': fullBytes = null } = h
  return readBytes === undefined || sha256 === undefined ? undefined : { readBytes, sha256, fullBytes }
}

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
    observedAt: h['observed-at'],
    traceparent: h.traceparent,
    request: h.request,
    cut: cutOf(h),
    live: h.live,
    replays: decodePlace(headers[REPLAY_HEADER]),
  }
}

/** Bytes that a cut value keeps. */
export const KEPT_BYTES = 64 * 1024
/** A value above this is cut: with its headers it would not fit the topic's messages (8 MiB). */
const MAX_VALUE_BYTES = 7 * 1024 * 1024

export const sha256Of = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** The message of a letter, keyed by what it is of. Bytes that no message holds are cut, and the letter says so. */
export const deadLetterMessage = (letter: DeadLetter, bytes: Buffer): OutgoingMessage => {
  const id = letter.externalId ?? sha256Of(bytes).slice(0, 32)
  const key = `${letter.orgId}/${letter.entity}/${id}`
  if (bytes.length <= MAX_VALUE_BYTES) return { key, value: bytes, headers: encodeDeadLetter(letter) }
  const cut = { readBytes: bytes.length, sha256: sha256Of(bytes), fullBytes: bytes.length }
  return { key, value: bytes.subarray(0, KEPT_BYTES), headers: encodeDeadLetter({ ...letter, cut }) }
}
