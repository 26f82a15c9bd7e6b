// Is a walk complete? Judges the evidence of an entity's ranges, purely: proven, one more range, or unproven (invariant 8).

import type { RangeEvidence } from '../ledger/evidence.ts'
import type { EntityProgress } from '../ledger/progress.ts'
import type { WalkSpec } from '../manifests/walk.ts'

export type Verdict =
  | { readonly kind: 'proven' }
  | { readonly kind: 'more'; readonly walk: WalkSpec; readonly counted: boolean; readonly reason: string }
  | { readonly kind: 'unproven'; readonly reason: string }

/**
 * everything: no row may be missing that was there throughout. changes: what has changed has no total; its chains must hold together.
 * everyId: rows will be deleted that were not shown, so that the `distinct` ids must be as many as the source says, before and after.
 */
export type Proof = { readonly of: 'everything' | 'changes' } | { readonly of: 'everyId'; readonly distinct: number }

const MAX_SWEEPS = 3
export const PROVEN: Verdict = { kind: 'proven' }
const EVERYTHING: Proof = { of: 'everything' }

const sweep = (order: string | null, number: number): Verdict => ({
  kind: 'more',
  walk: { kind: 'offset', order, sweep: number },
  counted: true,
  reason: `not proven yet: sweep ${number} of ${MAX_SWEEPS} at most`,
})

/** A sweep alone proves completeness when its distinct ids are the total before and after it. */
const proves = (sweep: RangeEvidence, proof: Proof): boolean => {
  // An API without totals says nothing against a chain that held together; it is no reason to delete either.
  if (sweep.lastTotal === null) return proof.of !== 'everyId' && !sweep.drifted
  return sweep.distinct === sweep.lastTotal && sweep.firstTotal === sweep.lastTotal
}

const judgeSweeps = (sweeps: readonly RangeEvidence[], order: string | null, proof: Proof): Verdict => {
  const last = sweeps.at(-1)
  if (last === undefined) return sweep(order, 1)
  if (proves(last, proof)) return PROVEN
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

/** No row came or went: all that the source has said of how many there are is one number, and as many were seen. */
const sawEveryId = (keyset: readonly RangeEvidence[], counted: RangeEvidence, distinct: number): boolean =>
  [keyset[0]?.firstTotal, counted.firstTotal, counted.fresh, counted.lastTotal].every((total) => total === distinct)

/**
 * A walk along a key receives every row that has one and was there throughout; what came meanwhile must not make up for what it
 * cannot see. So two things are shown apart, when it has ended: no row is without a key, and as many records were received as
 * there were at the start, or are now. Where one cannot be shown, sweeps by offset must prove the walk.
 */
const judgeKeyset = (ranges: readonly RangeEvidence[], field: string, proof: Proof): Verdict => {
  const sweeps = ranges.filter((range) => range.walk.kind === 'offset')
  const keyset = ranges.filter((range) => range.walk.kind === 'keyset')
  const counts = ranges.filter((range) => range.walk.kind === 'count')
  if (keyset.some((range) => range.drifted) || sweeps.length > 0) return judgeSweeps(sweeps, field, proof)
  // There was nothing to miss.
  if (keyset[0]?.firstTotal === 0 && (proof.of !== 'everyId' || proof.distinct === 0)) return PROVEN
  const counted = counts.at(-1)
  const again: Verdict = { kind: 'more', walk: { kind: 'count', field }, counted: false, reason: COUNT_REASON }
  if (counted === undefined) return again
  if (proof.of === 'everyId') return sawEveryId(keyset, counted, proof.distinct) ? PROVEN : judgeSweeps(sweeps, field, proof)
  const start = keyset[0]?.firstTotal ?? counted.lastTotal
  // An API without totals says nothing against a walk that held together.
  if (start === null) return PROVEN
  const keyless = keylessRows(counted)
  if (keyless === 'unclear' && counts.length < MAX_COUNTS) return again
  const seen = keyset.reduce((sum, range) => sum + range.fresh, 0)
  const isComplete = keyless === 'none' && seen >= Math.min(start, counted.lastTotal ?? start)
  return isComplete ? PROVEN : judgeSweeps(sweeps, field, proof)
}

/**
 * Chains below parents, and chains of what has changed, have their own ends, but no total that could prove them. So rows that moved
 * under one count against it, and its range is walked again.
 */
const judgeChains = (ranges: readonly RangeEvidence[], where: string): Verdict => {
  const walks = new Map<string, RangeEvidence[]>()
  for (const range of ranges) {
    const key = JSON.stringify(range.walk)
    walks.set(key, [...(walks.get(key) ?? []), range])
  }
  const drifted = [...walks.values()].filter((sweeps) => sweeps.at(-1)?.drifted)
  const again = drifted.find((sweeps) => sweeps.length < MAX_SWEEPS)?.at(-1)
  if (again !== undefined)
    return { kind: 'more', walk: again.walk, counted: false, reason: `rows moved ${where} while it was read` }
  if (drifted.length === 0) return PROVEN
  return { kind: 'unproven', reason: `In each of ${MAX_SWEEPS} walks rows moved ${where} while its pages were read` }
}

/** Records that were asked for one by one say nothing of what the lists show. */
const isWalk = ({ walk }: RangeEvidence): boolean => walk.kind !== 'ids' && walk.kind !== 'confirm'

/** Keyset: by its counts. Offset: by sweeps. Parents, and what has changed: by chains that held together. */
export const judgeWalk = (all: readonly RangeEvidence[], proof: Proof = EVERYTHING): Verdict => {
  const ranges = all.filter(isWalk)
  const first = ranges[0]
  if (first === undefined) return PROVEN
  if (first.walk.kind === 'parents') return judgeChains(ranges, 'below a parent')
  if (proof.of === 'changes') return judgeChains(ranges, 'under a chain of changes')
  if (first.walk.kind === 'keyset') return judgeKeyset(ranges, first.walk.field, proof)
  const sweeps = ranges.filter((range) => range.walk.kind === 'offset')
  return judgeSweeps(sweeps, first.walk.kind === 'offset' ? first.walk.order : null, proof)
}

/** Why no row of the entity may be deleted although its walk was proven; undefined: nothing speaks against it (invariant 8). */
export const doubtOf = (
  { entity, dead, paging, carrier }: Pick<EntityProgress, 'entity' | 'dead' | 'paging' | 'carrier'>,
  all: ReadonlyMap<string, Pick<EntityProgress, 'state'>>,
): string | undefined => {
  if (dead > 0) return `${dead} of its records could not be read: nothing of ${entity} is deleted`
  if (carrier !== null || paging.kind !== 'parents') return undefined
  return all.get(paging.parent)?.state === 'closed'
    ? undefined
    : `it is read below each ${paging.parent}, and those are not known to be all`
}
