// Is a walk complete? Judges the evidence of an entity's ranges, purely: proven, one more range, or unproven (invariant 8).
import type { RangeEvidence } from '../ledger/entities.ts'
import type { WalkSpec } from '../manifests/walk.ts'

export type Verdict =
  | { readonly kind: 'proven' }
  | { readonly kind: 'more'; readonly walk: WalkSpec; readonly counted: boolean; readonly reason: string }
  | { readonly kind: 'unproven'; readonly reason: string }

const MAX_SWEEPS = 3
const PROVEN: Verdict = { kind: 'proven' }

const sweep = (order: string | null, number: number): Verdict => ({
  kind: 'more',
  walk: { kind: 'offset', order, sweep: number },
  counted: true,
  reason: `not proven yet: sweep ${number} of ${MAX_SWEEPS} at most`,
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

/** A count costs three requests, the sweep in its place all pages; where a row comes or goes each second, about every second count is clear. */
const MAX_COUNTS = 10
const COUNT_REASON = 'its total is asked for, to prove that nothing is missing'

/** One of each count's three requests saw more rows than there are with a key: what that says. */
const keylessRows = (counted: RangeEvidence): 'none' | 'some' | 'unclear' => {
  const [before, after] = [counted.firstTotal ?? 0, counted.lastTotal ?? 0]
  if (counted.fresh >= Math.max(before, after)) return 'none'
  // Rows came or went between the requests.
  return before === after ? 'some' : 'unclear'
}

/**
 * A walk along a key receives every row that has one and was there throughout; what came meanwhile must not make up for what it
 * cannot see. So two things are shown apart, when it has ended: no row is without a key, and as many records were received as
 * there were at the start, or are now. Where one cannot be shown, sweeps by offset must prove the walk.
 */
const judgeKeyset = (ranges: readonly RangeEvidence[], field: string): Verdict => {
  const sweeps = ranges.filter((range) => range.walk.kind === 'offset')
  const keyset = ranges.filter((range) => range.walk.kind === 'keyset')
  const counts = ranges.filter((range) => range.walk.kind === 'count')
  if (keyset.some((range) => range.drifted) || sweeps.length > 0) return judgeSweeps(sweeps, field)
  // There was nothing to miss.
  if (keyset[0]?.firstTotal === 0) return PROVEN
  const counted = counts.at(-1)
  const again: Verdict = { kind: 'more', walk: { kind: 'count', field }, counted: false, reason: COUNT_REASON }
  if (counted === undefined) return again
  const start = keyset[0]?.firstTotal ?? counted.lastTotal
  // An API without totals says nothing against a walk that held together.
  if (start === null) return PROVEN
  const keyless = keylessRows(counted)
  if (keyless === 'unclear' && counts.length < MAX_COUNTS) return again
  const seen = keyset.reduce((sum, range) => sum + range.fresh, 0)
  const isComplete = keyless === 'none' && seen >= Math.min(start, counted.lastTotal ?? start)
  return isComplete ? PROVEN : judgeSweeps(sweeps, field)
}

/**
 * Every chain below a parent has its own end, but no total that could prove it: the totals of the collection are not told. So rows that
 * moved under one count against it, and the parents of its range are walked again.
 */
const judgeParents = (ranges: readonly RangeEvidence[]): Verdict => {
  const walks = new Map<string, RangeEvidence[]>()
  for (const range of ranges) {
    const key = JSON.stringify(range.walk)
    walks.set(key, [...(walks.get(key) ?? []), range])
  }
  const drifted = [...walks.values()].filter((sweeps) => sweeps.at(-1)?.drifted)
  const again = drifted.find((sweeps) => sweeps.length < MAX_SWEEPS)?.at(-1)
  if (again !== undefined)
    return { kind: 'more', walk: again.walk, counted: false, reason: 'rows moved below a parent while it was read' }
  if (drifted.length === 0) return PROVEN
  return { kind: 'unproven', reason: `In each of ${MAX_SWEEPS} walks rows moved below a parent while its pages were read` }
}

/** Keyset: by its counts. Offset: by sweeps. Parents: by chains that held together. */
export const judgeWalk = (all: readonly RangeEvidence[]): Verdict => {
  // Records that were asked for by id say nothing of what the lists show.
  const ranges = all.filter((range) => range.walk.kind !== 'ids')
  const first = ranges[0]
  if (first === undefined) return PROVEN
  if (first.walk.kind === 'parents') return judgeParents(ranges)
  if (first.walk.kind === 'keyset') return judgeKeyset(ranges, first.walk.field)
  const sweeps = ranges.filter((range) => range.walk.kind === 'offset')
  return judgeSweeps(sweeps, first.walk.kind === 'offset' ? first.walk.order : null)
}
