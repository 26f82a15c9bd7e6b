// Is a walk complete? Judges the evidence of an entity's ranges, purely: proven, one more range, or unproven (invariant 8).
import type { RangeEvidence } from '../ledger/entities.ts'
import type { WalkSpec } from '../manifests/walk.ts'

export type Verdict =
  | { readonly kind: 'proven' }
  | { readonly kind: 'more'; readonly walk: WalkSpec; readonly counted: boolean }
  | { readonly kind: 'unproven'; readonly reason: string }

const MAX_SWEEPS = 3
const PROVEN: Verdict = { kind: 'proven' }

const sweep = (order: string | null, number: number): Verdict => ({
  kind: 'more',
  walk: { kind: 'offset', order, sweep: number },
  counted: true,
})

/** A sweep alone proves completeness when its distinct ids are the total before and after it. */
const proves = (sweep: RangeEvidence): boolean => {
  // An API without totals says nothing against a chain that held together.
  if (sweep.lastTotal === null) return !sweep.drifted
  return sweep.distinct === sweep.lastTotal && sweep.firstTotal === sweep.lastTotal
}

const judgeSweeps = (sweeps: readonly RangeEvidence[], order: string | null): Verdict => {
  const last = sweeps.at(-1)
  if (last === undefined) return sweep(order, 1)
  if (proves(last)) return PROVEN
  if (sweeps.length < MAX_SWEEPS) return sweep(order, sweeps.length + 1)
  return {
    kind: 'unproven',
    reason: `${MAX_SWEEPS} sweeps saw ${sweeps.map((s) => s.distinct).join(', ')} distinct ids; the API's total was ${last.lastTotal}`,
  }
}

/**
 * Keyset: as many records as the vendor's total at the start. If fewer, one request asks for the total now; if still fewer (rows
 * without a key, or an API that hides some), or if rows moved under the walk, sweeps by offset must prove it.
 * Offset: sweeps. Parents: every chain has its own end. Records asked for by id say nothing of what the lists show: not counted.
 */
export const judgeWalk = (ranges: readonly RangeEvidence[]): Verdict => {
  const first = ranges[0]
  if (first === undefined || first.walk.kind === 'parents') return PROVEN
  const sweeps = ranges.filter((range) => range.walk.kind === 'offset')
  if (first.walk.kind === 'offset') return judgeSweeps(sweeps, first.walk.order)
  const keyset = ranges.filter((range) => range.walk.kind === 'keyset')
  const seen = keyset.reduce((sum, range) => sum + range.fresh, 0)
  const byField = first.walk.kind === 'keyset' ? first.walk.field : null
  if (keyset.some((range) => range.drifted)) return judgeSweeps(sweeps, byField)
  if (first.firstTotal === null || seen >= first.firstTotal) return PROVEN
  const count = ranges.find((range) => range.walk.kind === 'count')
  if (count === undefined) return { kind: 'more', walk: { kind: 'count' }, counted: false }
  if (count.lastTotal !== null && seen >= count.lastTotal) return PROVEN
  return judgeSweeps(sweeps, byField)
}
