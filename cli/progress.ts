// Progress of a run as a pure reducer: in goes what the ledger says now, out come the rows of the live table and what is worth a line.
import type { EntityReport } from '../ledger/report.ts'
import { hasEnded, type RunState } from '../ledger/runs.ts'

/** One look at the ledger. */
export interface Sample {
  /** Of a monotonic clock. */
  readonly atMs: number
  readonly runState: RunState
  readonly entities: readonly EntityReport[]
}

export interface EntityView {
  readonly report: EntityReport
  /** Records that have an outcome: merged, unchanged, stale, parked or dead. */
  readonly landed: number
  /** Records landed per second over the last seconds; null: not measured yet, or not at work. */
  readonly rate: number | null
}

interface Mark {
  readonly points: readonly Point[]
  /** When the last line about this entity was, and what it said. */
  readonly toldMs: number
  readonly toldLanded: number
  readonly toldWaitMs: number
}

interface Point {
  readonly atMs: number
  readonly landed: number
}

export interface Progress {
  readonly runState: RunState | null
  readonly views: readonly EntityView[]
  readonly marks: ReadonlyMap<string, Mark>
}

export type Change =
  | { readonly kind: 'run'; readonly state: RunState }
  | { readonly kind: 'state' | 'progress' | 'wait'; readonly view: EntityView }

export const NO_PROGRESS: Progress = { runState: null, views: [], marks: new Map() }

const RATE_WINDOW_MS = 5_000
const MIN_RATE_SPAN_MS = 1_000
/** Lines about one entity whose records flow come no more often. */
const TELL_EVERY_MS = 5_000
/** A wait for something that is broken (not for the limit, not for landings) is told after this, and then as often. */
const TELL_WAIT_EVERY_MS = 30_000
const BROKEN: ReadonlySet<string> = new Set(['retry', 'redis'])
const AT_WORK: ReadonlySet<string> = new Set(['fetching', 'landing'])

const FRESH: Mark = {
  points: [],
  toldMs: Number.NEGATIVE_INFINITY,
  toldLanded: 0,
  toldWaitMs: Number.NEGATIVE_INFINITY,
}

/** The points of the last seconds, with the one before them, so that they span the window. */
const remember = (points: readonly Point[], point: Point): readonly Point[] => {
  const inside = points.findIndex(({ atMs }) => atMs > point.atMs - RATE_WINDOW_MS)
  const kept = inside === -1 ? points.slice(-1) : points.slice(Math.max(0, inside - 1))
  return [...kept, point]
}

const rateOf = (points: readonly Point[]): number | null => {
  const [first, last] = [points[0], points.at(-1)]
  if (first === undefined || last === undefined || last.atMs - first.atMs < MIN_RATE_SPAN_MS) return null
  return ((last.landed - first.landed) * 1000) / (last.atMs - first.atMs)
}

const changeOf = (before: EntityView | undefined, view: EntityView, mark: Mark, atMs: number): Change | undefined => {
  const { state, waitingFor } = view.report
  // An entity begins as waiting: to see it so for the first time is no change.
  if ((before?.report.state ?? 'waiting') !== state) return { kind: 'state', view }
  if (!AT_WORK.has(state)) return undefined
  if (view.landed !== mark.toldLanded && atMs - mark.toldMs >= TELL_EVERY_MS) return { kind: 'progress', view }
  if (waitingFor === null || !BROKEN.has(waitingFor)) return undefined
  return atMs - mark.toldWaitMs >= TELL_WAIT_EVERY_MS ? { kind: 'wait', view } : undefined
}

const markAfter = (mark: Mark, points: readonly Point[], change: Change | undefined, atMs: number): Mark => {
  if (change === undefined || change.kind === 'run') return { ...mark, points }
  const { landed } = change.view
  return { points, toldMs: atMs, toldLanded: landed, toldWaitMs: change.kind === 'wait' ? atMs : mark.toldWaitMs }
}

const landedOf = ({ fetched, missing }: EntityReport): number => fetched - missing

export const reduce = (
  before: Progress,
  sample: Sample,
): { readonly progress: Progress; readonly changes: readonly Change[] } => {
  const { atMs, runState, entities } = sample
  const changes: Change[] = []
  const known = new Map(before.views.map((view) => [view.report.entity, view]))
  const marks = new Map<string, Mark>()
  const views = entities.map((report): EntityView => {
    const mark = before.marks.get(report.entity) ?? FRESH
    const points = remember(mark.points, { atMs, landed: landedOf(report) })
    const view = { report, landed: landedOf(report), rate: AT_WORK.has(report.state) ? rateOf(points) : null }
    const change = changeOf(known.get(report.entity), view, mark, atMs)
    if (change !== undefined) changes.push(change)
    marks.set(report.entity, markAfter(mark, points, change, atMs))
    return view
  })
  // The end of the run is told by whoever shows its result.
  const turned = before.runState !== null && before.runState !== runState && !hasEnded(runState)
  if (turned) changes.push({ kind: 'run', state: runState })
  return { progress: { runState, views, marks }, changes }
}

export interface Totals {
  readonly pages: number
  readonly landed: number
  readonly rate: number | null
  readonly openPages: number
  readonly missing: number
  readonly parked: number
  readonly dead: number
}

/** Pages with open records: those of a carrier and of what it carries are the same pages. */
const openPagesOf = (views: readonly EntityView[]): number => {
  const most = new Map<string, number>()
  for (const { report } of views) {
    const walked = report.carrier ?? report.entity
    most.set(walked, Math.max(most.get(walked) ?? 0, report.openPages))
  }
  return [...most.values()].reduce((total, pages) => total + pages, 0)
}

/** A page with carried children is counted once. */
export const totalsOf = (views: readonly EntityView[]): Totals => {
  const sum = (of: (view: EntityView) => number): number => views.reduce((total, view) => total + of(view), 0)
  const rates = views.flatMap(({ rate }) => (rate === null ? [] : [rate]))
  return {
    pages: sum(({ report }) => (report.carrier === null ? report.pages : 0)),
    landed: sum(({ landed }) => landed),
    rate: rates.length === 0 ? null : rates.reduce((total, rate) => total + rate, 0),
    openPages: openPagesOf(views),
    missing: sum(({ report }) => report.missing),
    parked: sum(({ report }) => report.parked),
    dead: sum(({ report }) => report.dead),
  }
}
