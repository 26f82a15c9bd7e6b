// Canonical records to bytes and back: the registry's wire format (0, schema id in 4 bytes, Avro body).
// Must hold: encoding and decoding are synchronous; whatever cannot be read is an 'invalid-record', never a crash.
import avro from 'avsc'
import { messageOf, SynclineError } from '../platform/errors.ts'
import { boundedMaps } from './avro-map.ts'
import { canonicalEntities, canonicalEntity } from './canonical.ts'
import type { CanonicalCommon } from './generated/canonical-types.ts'

export type CanonicalValue = string | number | boolean | null

/** Any canonical record: the common fields, and the entity's own under their names in the schema. */
export interface CanonicalRecord extends CanonicalCommon {
  readonly [field: string]: CanonicalValue | Readonly<Record<string, string>>
}

const MAGIC = 0
/** Messages that are none may name thousands of schemas that there are not. */
const LOOK_UPS_AT_ONCE = 16
/** The body of a message begins here, after the magic byte and the schema id. */
export const BODY_START = 5
const FIRST_SCRATCH_BYTES = 64 * 1024

// Unions unwrapped, logical types left as numbers: the mapping makes the one conversion there is. The options are made anew each
// time, because avsc keeps the names it has seen in them. Its type for schemas is a union that no parsed JSON matches: it checks itself.
const avroType = (schema: object): avro.Type =>
  avro.Type.forSchema(schema as avro.Schema, { wrapUnions: 'never', typeHook: boundedMaps })

const readerTypes = new Map(canonicalEntities.map(({ entity, schema }) => [entity, avroType(schema)]))

/** The Avro type of an entity as this version writes and reads it. Throws SynclineError('usage') for an unknown entity. */
const avroTypeOf = (entity: string): avro.Type => readerTypes.get(entity) ?? avroType(canonicalEntity(entity).schema)

/** Grows to the largest record seen; records are copied out of it, so that none keeps a large buffer alive. */
let scratch = Buffer.allocUnsafe(FIRST_SCRATCH_BYTES)

/** Throws SynclineError('invalid-record') naming the fields when the record is not of its schema. */
export const encodeCanonical = (entity: string, schemaId: number, record: CanonicalRecord): Buffer => {
  const type = avroTypeOf(entity)
  let end: number
  try {
    end = type.encode(record, scratch, BODY_START)
    if (end < 0) {
      scratch = Buffer.allocUnsafe((scratch.length - end) * 2)
      end = type.encode(record, scratch, BODY_START)
    }
  } catch (cause) {
    throw notOfSchema(entity, type, record, cause)
  }
  scratch[0] = MAGIC
  scratch.writeUInt32BE(schemaId, 1)
  const bytes = Buffer.allocUnsafe(end)
  scratch.copy(bytes, 0, 0, end)
  return bytes
}

const notOfSchema = (entity: string, type: avro.Type, record: CanonicalRecord, cause: unknown): SynclineError => {
  const fields = new Set<string>()
  type.isValid(record, { errorHook: (path) => void fields.add(path.join('.')) })
  // The cause's message quotes the value, so it goes no further.
  return new SynclineError('invalid-record', `A record of ${entity} does not fit its Avro schema: ${[...fields].join(', ')}`, {
    details: { entity, fields: [...fields], kind: cause instanceof Error ? cause.name : typeof cause },
  })
}

/** Schema id of a message. Throws SynclineError('invalid-record') when it is not in the registry's wire format. */
export const schemaIdOf = (message: Buffer | null): number => {
  if (message === null || message.length < BODY_START) throw unreadable('it is shorter than its header')
  if (message[0] !== MAGIC) throw unreadable('its first byte is not 0')
  return message.readUInt32BE(1)
}

const unreadable = (why: string): SynclineError =>
  new SynclineError('invalid-record', `A canonical message cannot be read: ${why}`)

/** The schema that an id stands for; undefined: the registry does not have it. Rejects with 'unavailable' when it is away. */
export type WriterSchemas = (schemaId: number) => Promise<object | undefined>

export interface CanonicalDecoder {
  /** Fetches the schemas that these messages need and that are not here yet. Rejects only when the registry is away. */
  prepare(messages: Iterable<Buffer | null>): Promise<void>
  /** True when the message was written under the schema that this version writes: its body is laid out as ours. */
  isOurs(entity: string, message: Buffer): boolean
  /** Call `prepare` first. Throws SynclineError('invalid-record') for whatever cannot be read as a record of the entity. */
  decode(entity: string, message: Buffer | null): CanonicalRecord
}

/** Schemas are kept for good (an id never changes its meaning), resolvers per (writer's id, entity). */
export const createCanonicalDecoder = (writerSchemas: WriterSchemas): CanonicalDecoder => {
  const writers = new Map<number, avro.Type>()
  const resolvers = new Map<string, Map<number, avro.Resolver>>(canonicalEntities.map(({ entity }) => [entity, new Map()]))

  /** Entity to the id of our own schema, once it was seen. */
  const ours = new Map<string, number>()

  const resolverOf = (entity: string, schemaId: number): avro.Resolver => {
    const known = resolvers.get(entity)?.get(schemaId)
    if (known !== undefined) return known
    const writer = writers.get(schemaId)
    if (writer === undefined) throw unreadable(`the registry has no schema ${schemaId}`)
    const resolver = resolve(entity, writer)
    resolvers.get(entity)?.set(schemaId, resolver)
    return resolver
  }

  const lookUp = async (id: number): Promise<void> => {
    const schema = await writerSchemas(id)
    const writer = schema === undefined ? undefined : readableType(schema)
    if (writer !== undefined) writers.set(id, writer)
  }

  const prepare = async (messages: Iterable<Buffer | null>): Promise<void> => {
    const missing = new Set<number>()
    for (const message of messages) {
      if (message === null || message.length < BODY_START || message[0] !== MAGIC) continue
      const id = message.readUInt32BE(1)
      if (!writers.has(id)) missing.add(id)
    }
    const ids = [...missing]
    for (let from = 0; from < ids.length; from += LOOK_UPS_AT_ONCE)
      await Promise.all(ids.slice(from, from + LOOK_UPS_AT_ONCE).map(lookUp))
  }

  const isOurs = (entity: string, message: Buffer): boolean => {
    if (message.length < BODY_START || message[0] !== MAGIC) return false
    const id = message.readUInt32BE(1)
    if (ours.get(entity) === id) return true
    const writer = writers.get(id)
    if (writer === undefined || !writer.fingerprint().equals(avroTypeOf(entity).fingerprint())) return false
    ours.set(entity, id)
    return true
  }

  const decode = (entity: string, message: Buffer | null): CanonicalRecord => {
    const resolver = resolverOf(entity, schemaIdOf(message))
    try {
      // Decoded by our own schema, from which CanonicalRecord's fields are generated.
      return avroTypeOf(entity).fromBuffer((message ?? Buffer.alloc(0)).subarray(BODY_START), resolver) as CanonicalRecord
    } catch (cause) {
      throw unreadable(`its body is not of its schema (${cause instanceof Error ? cause.name : messageOf(cause)})`)
    }
  }
  return { prepare, isOurs, decode }
}

/** Undefined for what is in the registry and yet no schema that avsc can use: its messages are poison, the reader goes on. */
const readableType = (schema: object): avro.Type | undefined => {
  try {
    return avroType(schema)
  } catch {
    return undefined
  }
}

const resolve = (entity: string, writer: avro.Type): avro.Resolver => {
  try {
    return avroTypeOf(entity).createResolver(writer)
  } catch {
    throw unreadable(`its schema ${writer.name ?? ''} is not one of ${entity}`)
  }
}
