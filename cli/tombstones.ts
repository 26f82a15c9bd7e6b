// Null values for every record of one organisation that is on a canonical topic: compaction then removes the records. Reads the topic once,
// without a consumer group; memory is that of the organisation's ids in one partition.
import { isSynclineError } from '../platform/errors.ts'
import type { Look } from '../platform/kafka/look.ts'
import type { Producer } from '../platform/kafka/producer.ts'
import type { Message } from '../platform/kafka/record-batch.ts'
import { scanTopic } from '../platform/kafka/scan.ts'
import type { CanonicalDecoder } from '../topics/canonical-codec.ts'
import { CANONICAL_PARTITIONS } from '../topics/list.ts'

export interface TombstoneDeps {
  readonly look: Look
  readonly producer: Producer
  readonly decoder: CanonicalDecoder
}

const AT_A_TIME = 5_000

/** What cannot be read is no record of anybody's. */
const orgOf = (decoder: CanonicalDecoder, entity: string, value: Buffer): unknown => {
  try {
    return decoder.decode(entity, value)['orgId']
  } catch (error) {
    if (isSynclineError(error, 'invalid-record')) return undefined
    throw error
  }
}

/** Ids of the organisation whose newest message is a record. */
const collectIds = async (
  { look, decoder }: TombstoneDeps,
  topic: string,
  entity: string,
  orgId: string,
): Promise<ReadonlySet<string>> => {
  const ids = new Set<string>()
  const mark = Buffer.from(orgId)
  const note = ({ key, value }: Message): void => {
    if (key === null) return
    if (value === null) ids.delete(key)
    else if (value.includes(mark) && orgOf(decoder, entity, value) === orgId) ids.add(key)
  }
  await scanTopic(look, { topic, sinceMs: undefined }, async (_, messages) => {
    await decoder.prepare(messages.map(({ value }) => value))
    for (const message of messages) note(message)
  })
  return ids
}

/** `onWritten` is told of each piece when it is on Kafka. */
export const writeTombstones = async (
  deps: TombstoneDeps,
  { topic, entity, orgId }: { readonly topic: string; readonly entity: string; readonly orgId: string },
  onWritten: (count: number) => Promise<void>,
): Promise<void> => {
  const ids = [...(await collectIds(deps, topic, entity, orgId))]
  for (let from = 0; from < ids.length; from += AT_A_TIME) {
    const messages = ids.slice(from, from + AT_A_TIME).map((key) => ({ key, value: null, headers: {} }))
    await deps.producer.send([{ topic, partitions: CANONICAL_PARTITIONS, messages }])
    await onWritten(messages.length)
  }
}
