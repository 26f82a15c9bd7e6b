// The records in which table and topic differ, to their canonical topic again: as they are, but for the revision of the mapping.
// Must hold: they have no origin, so that they belong to no run; a row that was changed without its hash is open to them first.
import { encodeCanonical } from '../topics/canonical-codec.ts'
import type { RederiveDeps } from './rederive.ts'

type Send = (messages: readonly { key: string; value: Buffer; headers: Readonly<Record<string, string>> }[]) => Promise<void>

/** All that is to be mended, some at a time. Resolves to the number of records. */
export const produceAgain = async (
  { decoder, schemaIds, into }: RederiveDeps,
  entity: string,
  mappingRevision: number,
  send: Send,
): Promise<number> => {
  const schemaId = schemaIds.get(entity) ?? -1
  let produced = 0
  for await (const records of into.toMend()) {
    await decoder.prepare(records.map(({ message }) => message))
    const messages = records.map(({ id, message }) => {
      const record = { ...decoder.decode(entity, message), mappingRevision }
      return { key: id, value: encodeCanonical(entity, schemaId, record), headers: {} }
    })
    await into.disown(records.flatMap(({ id, altered }) => (altered ? [id] : [])))
    await send(messages)
    produced += messages.length
  }
  return produced
}
