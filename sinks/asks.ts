// Which records of a batch are to be asked for by id, for the ledger: goes in what a merge doubts or parks. Pure.
import type { NewAsk } from '../ledger/asks.ts'
import { type Ask, parentsByColumn } from '../topics/asks.ts'
import { decodeParents } from '../topics/headers.ts'
import type { BatchRecord } from './batch.ts'
import type { Layout } from './postgres/layout.ts'

export const askOf = ({ entity, encoded, original }: BatchRecord): Ask => ({
  orgId: encoded.orgId,
  source: encoded.source,
  entity,
  externalId: encoded.externalId,
  parents: parentsByColumn(entity, decodeParents(original.parents)),
})

/** Parents of a record that is parked and belongs to no run: nobody else asks for them. */
export const parentAsksOf = (layout: Layout, { encoded: { orgId, source }, original }: BatchRecord): readonly NewAsk[] => {
  const ids = decodeParents(original.parents)
  return layout.parents.flatMap(({ entity }, i) => {
    const externalId = ids[i]
    return externalId == null ? [] : [{ orgId, source, entity, externalId, parents: {}, why: 'parent' }]
  })
}
