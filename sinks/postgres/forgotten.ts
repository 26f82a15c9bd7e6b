// A batch goes in, what may be written of it comes out: nothing of an organisation that is being forgotten, or was, until it is added again.
// In the transaction of the merge, before anything else: whoever marks an organisation waits for it.
import type { Queryable } from '../../platform/postgres.ts'
import { isHint } from '../../topics/hints.ts'
import { askOf } from '../asks.ts'
import type { BatchRecord, MergeBatch } from '../batch.ts'

/** Until when (ms since 1970) what was observed is dropped. */
export type Forgotten = ReadonlyMap<string, number>

const readForgotten = async (client: Queryable, orgIds: readonly string[]): Promise<Forgotten> => {
  if (orgIds.length === 0) return new Map()
  const { rows } = await client.query<{ org_id: string; until: Date | null }>('select * from sync.forgotten_of($1)', [orgIds])
  return new Map(rows.map(({ org_id, until }) => [org_id, until?.getTime() ?? Number.POSITIVE_INFINITY]))
}

const orgsOf = ({ records, deadLetters }: MergeBatch): readonly string[] => [
  ...new Set([...records.map(({ encoded }) => encoded.orgId), ...deadLetters.map(({ letter }) => letter.orgId)]),
]

export interface Remaining {
  readonly batch: MergeBatch
  readonly dropped: number
}

/**
 * Pure. A letter does not say when its record was observed: of an organisation that was added again it is kept. Neither does what a
 * webhook told: then the record is asked for.
 */
export const dropForgotten = (batch: MergeBatch, forgotten: Forgotten): Remaining => {
  if (forgotten.size === 0) return { batch, dropped: 0 }
  const untilOf = ({ encoded }: BatchRecord): number => forgotten.get(encoded.orgId) ?? Number.NEGATIVE_INFINITY
  const records = batch.records.filter((record) => record.encoded.observedAt > untilOf(record))
  const isTold = (record: BatchRecord): boolean => isHint(record.encoded) && Number.isFinite(untilOf(record))
  const told = batch.records.filter((record) => record.encoded.observedAt <= untilOf(record) && isTold(record))
  const deadLetters = batch.deadLetters.filter(({ letter }) => forgotten.get(letter.orgId) !== Number.POSITIVE_INFINITY)
  const dropped = batch.records.length - records.length - told.length + batch.deadLetters.length - deadLetters.length
  return { batch: { ...batch, records, deadLetters, asks: [...batch.asks, ...told.map(askOf)] }, dropped }
}

export const withoutForgotten = async (client: Queryable, batch: MergeBatch): Promise<Remaining> =>
  dropForgotten(batch, await readForgotten(client, orgsOf(batch)))
