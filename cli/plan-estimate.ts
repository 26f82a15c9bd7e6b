// What a run will cost: goes in what it reads and what is known of each entity, come out ranges, calls and time. Pure. What nobody can
// know stays unknown (null), and makes the sums a least.
import type { LastRead } from '../ledger/history.ts'
import type { EntityPlan } from '../manifests/plan.ts'
import { firstWalk, parentRanges } from '../orchestrator/ranges.ts'
import type { LimitPolicy } from '../producers/limiter/limiter.ts'
import { rangesWorth } from '../producers/splitting.ts'

export type Known =
  | { readonly by: 'history'; readonly last: LastRead }
  /** What the API tells: records that will be read; of a walk below parents, how many there are of these. */
  | { readonly by: 'count'; readonly total: number }
  | { readonly by: 'carrier' }
  | { readonly by: 'nothing'; readonly why: string }

export interface Expected {
  readonly by: Known['by']
  readonly ranges: number | null
  readonly calls: number | null
  readonly records: number | null
  readonly tookMs: number | null
}

export interface RunEstimate {
  readonly entities: ReadonlyMap<string, Expected>
  /** Of those whose calls are known. */
  readonly calls: number
  readonly etaMs: number | null
  /** Of what the limit allows in that time; null: there is no limit, or no time is known. */
  readonly share: number | null
  /** Entities whose calls nobody knows: calls and time are at least so much. */
  readonly unknown: readonly string[]
}

export interface EstimateOptions {
  readonly limit: LimitPolicy | null
  readonly pageSize: number
}

/** A walk that reads everything along a key is proven by three requests for totals (orchestrator/proof.ts). */
const CALLS_OF_A_COUNT = 3

/** How long the limit alone makes so many calls last. */
const limitMs = (calls: number, limit: LimitPolicy | null): number | null =>
  limit === null ? null : (calls * limit.periodMs) / limit.requests

type Cost = Pick<Expected, 'ranges' | 'calls' | 'records'>

const UNKNOWN: Cost = { ranges: null, calls: null, records: null }

const costOf = (plan: EntityPlan, total: number, pageSize: number): Cost => {
  if (plan.paging.kind === 'parents') return { ranges: parentRanges(total), calls: total, records: null }
  const isKeyset = firstWalk(plan)?.kind === 'keyset'
  const ranges = isKeyset ? rangesWorth(total) : 1
  // Each range learns from a page without anything new that it is at its end.
  const walked = Math.ceil(total / pageSize) + ranges
  if (total === 0) return { ranges, calls: 1, records: 0 }
  const isProvenByCount = isKeyset && plan.changes === null
  return { ranges, calls: walked + (isProvenByCount ? CALLS_OF_A_COUNT : 0), records: total }
}

const expectedOf = (plan: EntityPlan, known: Known, { limit, pageSize }: EstimateOptions): Expected => {
  if (known.by === 'history') {
    const { ranges, calls, records, tookMs } = known.last
    return { by: known.by, ranges, calls, records, tookMs }
  }
  if (known.by === 'carrier') return { by: known.by, ranges: 0, calls: 0, records: null, tookMs: 0 }
  const cost = known.by === 'count' ? costOf(plan, known.total, pageSize) : UNKNOWN
  return { by: known.by, ...cost, tookMs: cost.calls === null ? null : limitMs(cost.calls, limit) }
}

/** When the last entity ends, if each begins as soon as what it depends on has ended, and a carried one with its carrier. */
const longestPath = (plan: readonly EntityPlan[], tookMs: (entity: string) => number): number => {
  const spans = new Map<string, { readonly begins: number; readonly ends: number }>()
  const endOf = (entities: readonly string[]): number => Math.max(0, ...entities.map((name) => spans.get(name)?.ends ?? 0))
  for (const { entity, hard, soft, carrier } of plan) {
    const carrying = carrier === null ? undefined : spans.get(carrier)
    const begins = carrying?.begins ?? endOf([...hard, ...soft])
    const ends = Math.max(begins + tookMs(entity), carrying?.ends ?? 0, endOf(hard))
    spans.set(entity, { begins, ends })
  }
  return endOf([...spans.keys()])
}

/** `plan` has dependencies first. */
export const estimateRun = (
  plan: readonly EntityPlan[],
  known: ReadonlyMap<string, Known>,
  options: EstimateOptions,
): RunEstimate => {
  const nothing: Known = { by: 'nothing', why: 'nobody was asked' }
  const entities = new Map(plan.map((each) => [each.entity, expectedOf(each, known.get(each.entity) ?? nothing, options)]))
  const all = [...entities.values()]
  const calls = all.reduce((sum, each) => sum + (each.calls ?? 0), 0)
  const byLimit = limitMs(calls, options.limit)
  const isTimed = all.some(({ tookMs, by }) => tookMs !== null && by !== 'carrier')
  const etaMs = isTimed
    ? Math.max(
        byLimit ?? 0,
        longestPath(plan, (entity) => entities.get(entity)?.tookMs ?? 0),
      )
    : null
  return {
    entities,
    calls,
    etaMs,
    share: byLimit === null || etaMs === null || etaMs === 0 ? null : byLimit / etaMs,
    unknown: plan.flatMap(({ entity }) => (entities.get(entity)?.calls === null ? [entity] : [])),
  }
}
