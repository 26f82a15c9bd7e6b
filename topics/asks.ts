// What stands on sync.asks: a record is to be asked for by its id, because what is known of it cannot be ordered. The sink takes it
// down in the ledger, which coalesces; a fetcher asks.
import { z } from 'zod'
import type { OutgoingMessage } from '../platform/kafka/record-batch.ts'
import { canonicalEntities, hardReferences } from './canonical.ts'
import type { ParentIds } from './headers.ts'

const askSchema = z.strictObject({
  orgId: z.string().min(1),
  source: z.string().min(1),
  entity: z.string().min(1),
  externalId: z.string().min(1),
  /** External ids by the column that points to them, `{"group_id": "12"}`: some records are found only below their parent. */
  parents: z.record(z.string(), z.string()),
  /** The dead letter that is replayed with it, as its header has it. */
  replays: z.string().optional(),
})

export type Ask = z.infer<typeof askSchema>

export const askMessage = (ask: Ask): OutgoingMessage => ({
  key: `${ask.orgId}/${ask.entity}/${ask.externalId}`,
  value: Buffer.from(JSON.stringify(ask)),
  headers: {},
})

/** Undefined for anything that is no ask of this version. */
export const parseAsk = (value: Buffer | null): Ask | undefined => {
  if (value === null) return undefined
  try {
    return askSchema.safeParse(JSON.parse(value.toString())).data
  } catch {
    return undefined
  }
}

const columns = new Map(canonicalEntities.map((e) => [e.entity, hardReferences(e).map(({ column }) => column)]))

/** The header `parents` of a canonical record by the columns of its entity. */
export const parentsByColumn = (entity: string, ids: ParentIds): Readonly<Record<string, string>> =>
  Object.fromEntries((columns.get(entity) ?? []).flatMap((column, i) => (ids[i] == null ? [] : [[column, ids[i]]])))
