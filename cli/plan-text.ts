// A planned run with what it costs, as a table for people and as JSON lines. Pure.
import type { NewRun } from '../ledger/runs.ts'
import type { EntityPlan } from '../manifests/plan.ts'
import type { LimitPolicy } from '../producers/limiter/limiter.ts'
import { type Column, renderColumns } from './columns.ts'
import type { Expected, Known, RunEstimate } from './plan-estimate.ts'
import { readText } from './run-lines.ts'
import { count, duration } from './words.ts'

export interface PlanFacts {
  readonly run: Pick<NewRun, 'orgId' | 'source' | 'strategy'>
  readonly plan: readonly EntityPlan[]
  readonly known: ReadonlyMap<string, Known>
  readonly limit: LimitPolicy | null
  readonly estimate: RunEstimate
}

interface Row {
  readonly plan: EntityPlan
  readonly expected: Expected | undefined
  /** Why its numbers are unknown. */
  readonly why: string | null
  readonly share: number | null
}

const walkText = ({ carrier, changes, paging }: EntityPlan): string => {
  if (carrier !== null) return 'carried'
  if (changes !== null) return changes.direction === 'up' ? `by ${changes.field}` : `down ${changes.field}`
  if (paging.kind === 'parents') return `below each ${paging.parent}`
  return paging.kind === 'keyset' ? `by ${paging.field}` : 'by offset'
}

/** Of the limit in the time of the whole run. */
const shareOf = (expected: Expected | undefined, { calls, share }: RunEstimate): number | null =>
  share === null || calls === 0 || expected?.calls == null ? null : (share * expected.calls) / calls

const rowsOf = ({ plan, known, estimate }: PlanFacts): readonly Row[] =>
  plan
    .toSorted((a, b) => a.tier - b.tier)
    .map((each) => {
      const expected = estimate.entities.get(each.entity)
      const what = known.get(each.entity)
      return { plan: each, expected, why: what?.by === 'nothing' ? what.why : null, share: shareOf(expected, estimate) }
    })

const number = (n: number | null | undefined): string => (n == null ? '-' : n.toLocaleString('en-US'))
const percent = (share: number | null): string => (share === null ? '-' : `${(share * 100).toFixed(share < 0.1 ? 1 : 0)}%`)

const COLUMNS: readonly Column<Row>[] = [
  { title: 'TIER', cell: ({ plan }) => plan.tier, keep: 4 },
  { title: 'ENTITY', cell: ({ plan }) => plan.entity },
  { title: 'WALK', cell: ({ plan }) => walkText(plan), keep: 5 },
  { title: 'RANGES', cell: ({ expected }) => number(expected?.ranges), align: 'right', keep: 2 },
  { title: 'RECORDS', cell: ({ expected }) => number(expected?.records), align: 'right', keep: 6 },
  { title: 'CALLS', cell: ({ expected }) => number(expected?.calls), align: 'right' },
  { title: 'LIMIT', cell: ({ share }) => percent(share), align: 'right', keep: 3 },
  { title: 'TAKES', cell: ({ expected }) => takesText(expected), align: 'right', keep: 7 },
  { title: 'READS', cell: ({ plan, why }) => [readText(plan) || 'everything', why].filter(Boolean).join('; '), min: 10, keep: 1 },
]

const takesText = (expected: Expected | undefined): string =>
  expected === undefined || expected.tookMs === null || expected.by === 'carrier' ? '-' : duration(expected.tookMs)

const limitText = (limit: LimitPolicy | null): string =>
  limit === null ? 'without a limit' : `of ${count(limit.requests, 'request')} in ${duration(limit.periodMs)}`

const sourceText = ({ plan, estimate }: PlanFacts): string => {
  const by = (kind: Known['by']): number => plan.filter(({ entity }) => estimate.entities.get(entity)?.by === kind).length
  const parts = [
    [by('history'), 'as the last time'],
    [by('count'), 'estimated from what the API tells'],
    [by('nothing'), 'not known'],
  ] as const
  return parts.flatMap(([n, words]) => (n === 0 ? [] : [`${count(n, 'entity', 'entities')} ${words}`])).join(', ')
}

const totalText = ({ limit, estimate }: PlanFacts): string => {
  const { calls, share, etaMs, unknown } = estimate
  const least = unknown.length > 0 ? 'at least ' : 'about '
  const part = share === null ? limitText(limit) : `${percent(share)} ${limitText(limit)}`
  return `${least}${count(calls, 'call')}, ${part}; ${etaMs === null ? 'how long it takes is not known' : `${least}${duration(etaMs)}`}`
}

export const planText = (facts: PlanFacts, { width }: { readonly width: number }): string =>
  [
    ...renderColumns(COLUMNS, rowsOf(facts), { width }),
    '',
    `In all ${totalText(facts)}.`,
    `Calls and time: ${sourceText(facts)}.`,
  ].join('\n')

export const entityLines = (facts: PlanFacts) =>
  rowsOf(facts).map(({ plan, expected, why, share }) => ({
    type: 'planned-entity',
    entity: plan.entity,
    tier: plan.tier,
    carrier: plan.carrier,
    walk: walkText(plan),
    since: plan.changes?.since ?? null,
    ...(plan.why === null ? {} : { why: plan.why }),
    knownBy: expected?.by,
    ...(why === null ? {} : { unknownBecause: why }),
    ranges: expected?.ranges ?? null,
    calls: expected?.calls ?? null,
    records: expected?.records ?? null,
    limitShare: share,
    takesMs: expected?.tookMs ?? null,
  }))

export const planLine = ({ run, limit, estimate }: PlanFacts) => ({
  type: 'plan',
  org: run.orgId,
  source: run.source,
  strategy: run.strategy,
  calls: estimate.calls,
  limit,
  limitShare: estimate.share,
  etaMs: estimate.etaMs,
  unknown: estimate.unknown,
})
