// A map that cannot claim more entries than its message has bytes. avsc's own reads on past the end of the message for as many
// entries as the count says: eight bytes of a poison record would keep a worker busy for years.
import avro from 'avsc'

/** What avsc hands to a type's `_read`: a cursor over the message. */
interface Tap {
  readonly buf: Buffer
  isValid(): boolean
  readLong(): number
  readString(): string
}

interface Reads {
  readonly valuesType: { _read(tap: Tap): unknown }
}

/** Entries of the next block; a negative count is followed by the block's size in bytes, which is not needed. */
const blockCount = (tap: Tap): number => {
  const count = tap.readLong()
  if (count < 0) tap.readLong()
  if (Math.abs(count) > tap.buf.length) throw new RangeError('a map has more entries than its message has bytes')
  return Math.abs(count)
}

class BoundedMapType extends avro.types.MapType {
  /** Also runs as the method of a resolver, whose values are read by the writer's type. */
  _read(this: Reads, tap: Tap): Record<string, unknown> {
    const entries: Record<string, unknown> = {}
    for (let left = blockCount(tap); left > 0; left = blockCount(tap)) {
      for (; left > 0 && tap.isValid(); left--) entries[tap.readString()] = this.valuesType._read(tap)
    }
    return entries
  }
}

/** For avsc's option `typeHook`: our type for maps, its own for all others. */
export const boundedMaps = (schema: avro.Schema, options: object): avro.Type | undefined =>
  typeof schema === 'object' && 'type' in schema && schema.type === 'map' ? new BoundedMapType(schema, options) : undefined
