// Dead letters that the sink itself makes: goes in a message and what is wrong with it, comes out what is to be produced. Pure.
// Must hold: the value is the original bytes; the reason names fields and codes, never a value.
import type { DeadLetterRow } from '../ledger/dead-letters.ts'
import type { CanonicalRecord } from '../topics/canonical-codec.ts'
import { type DeadLetter, decodePlace, type LetterPlace } from '../topics/dead-letters.ts'
import { decodeRecordOrigin, type RecordOrigin } from '../topics/headers.ts'
import type { BatchRecord, Original, Rejected } from './batch.ts'
import type { RefusedParked } from './postgres/refused-parked.ts'
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
  { orgId, source, externalId }: Pick<CanonicalRecord, 'orgId' | 'source' | 'externalId'>,
  { value, origin, replays }: Pick<Original, 'value' | 'replays'> & { readonly origin: RecordOrigin | undefined },
  reason: string,
): Rejected => ({
  letter: { orgId, source, entity, externalId, stage: 'sink', code: 'constraint', reason, origin, replays: decodePlace(replays) },
  value: value ?? Buffer.alloc(0),
})

const decoded = ({ value, origin, replays }: Original) => ({ value, origin: decodeRecordOrigin(origin), replays })
const refusedFor = (why: string): string => `PostgreSQL refused the record: ${why}`

/** A record that PostgreSQL refused; `why` as `refusalOf` says it. */
export const refused = (record: BatchRecord, why: string): Rejected =>
  constraint(record.entity, record.encoded, decoded(record.original), refusedFor(why))

/** A record that PostgreSQL refused when the parents had come that it was parked for. */
export const refusedParked = (row: RefusedParked): Rejected => constraint(row.layout.entity, row, row, refusedFor(row.why))

/** A record that cannot even be written down for PostgreSQL. */
export const unencodable = (entity: string, record: CanonicalRecord, original: Original, why: string): Rejected =>
  constraint(entity, record, decoded(original), `PostgreSQL cannot hold the record: ${why}`)

const MAX_TEXT = 500
const MAX_INT = 2 ** 31 - 1

const heldText = (text: string): string => cleanText(text.slice(0, MAX_TEXT), () => undefined)

/**
 * A letter as its register can hold it, whoever wrote its headers: a letter that is refused could only be left out. It goes by the name
 * that the ledger awaits its record under, or no replay would settle it.
 */
export const registrable = (letter: DeadLetter, place: LetterPlace, valueBytes: number): DeadLetterRow => ({
  ...letter,
  ...place,
  orgId: heldText(letter.orgId),
  source: heldText(letter.source),
  entity: heldText(letter.origin?.entity ?? letter.entity),
  externalId: letter.externalId === null ? null : heldText(letter.externalId),
  reason: heldText(letter.reason),
  bytes: Math.min(letter.cut?.fullBytes ?? letter.cut?.readBytes ?? valueBytes, MAX_INT),
})
