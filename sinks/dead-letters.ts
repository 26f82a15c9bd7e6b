// Dead letters that the sink itself makes: goes in a message and what is wrong with it, comes out what is to be produced. Pure.
// Must hold: the value is the original bytes; the reason names fields and codes, never a value.
import type { DeadLetterRow } from '../ledger/dead-letters.ts'
import type { CanonicalRecord } from '../topics/canonical-codec.ts'
import { type DeadLetter, decodePlace, type LetterPlace } from '../topics/dead-letters.ts'
import { decodeRecordOrigin } from '../topics/headers.ts'
import type { BatchRecord, Original, Rejected } from './batch.ts'
import { cleanText } from './postgres/text.ts'

/** Stands for the owner of a message that cannot be read, until its run is asked. */
export const UNKNOWN_OWNER = 'unknown'

/** A message that is no record of its entity: nothing of it is known but where it came with. */
export const unreadable = (entity: string, { value, origin, replays }: Original, reason: string): Rejected => ({
  letter: {
    orgId: UNKNOWN_OWNER,
    source: UNKNOWN_OWNER,
    entity,
    externalId: null,
    stage: 'sink',
    code: 'unreadable',
    reason,
    origin: decodeRecordOrigin(origin),
    replays: decodePlace(replays),
  },
  value: value ?? Buffer.alloc(0),
})

const constraint = (
  entity: string,
  record: Pick<CanonicalRecord, 'orgId' | 'source' | 'externalId'>,
  { value, origin, replays }: Original,
  reason: string,
): Rejected => ({
  letter: {
    orgId: record.orgId,
    source: record.source,
    entity,
    externalId: record.externalId,
    stage: 'sink',
    code: 'constraint',
    reason,
    origin: decodeRecordOrigin(origin),
    replays: decodePlace(replays),
  },
  value: value ?? Buffer.alloc(0),
})

/** A record that PostgreSQL refused; `why` as `refusalOf` says it. */
export const refused = (record: BatchRecord, why: string): Rejected =>
  constraint(record.entity, record.encoded, record.original, `PostgreSQL refused the record: ${why}`)

/** A record that cannot even be written down for PostgreSQL. */
export const unencodable = (entity: string, record: CanonicalRecord, original: Original, why: string): Rejected =>
  constraint(entity, record, original, `PostgreSQL cannot hold the record: ${why}`)

const MAX_TEXT = 500
const MAX_INT = 2 ** 31 - 1

const heldText = (text: string): string => cleanText(text.slice(0, MAX_TEXT), () => undefined)

/** A letter as its register can hold it, whoever wrote its headers: a letter that is refused could only be left out. */
export const registrable = (letter: DeadLetter, place: LetterPlace, valueBytes: number): DeadLetterRow => ({
  ...letter,
  ...place,
  orgId: heldText(letter.orgId),
  source: heldText(letter.source),
  entity: heldText(letter.entity),
  externalId: letter.externalId === null ? null : heldText(letter.externalId),
  reason: heldText(letter.reason),
  bytes: Math.min(letter.cut?.fullBytes ?? letter.cut?.readBytes ?? valueBytes, MAX_INT),
})
