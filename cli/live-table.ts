// The live table: progress as the lines of one frame, as wide and as high as the terminal allows. Pure.
import type { EntityState } from '../ledger/entities.ts'
import { hasEnded } from '../orchestrator/decide.ts'
import { type Paint, plain, type Style } from './color.ts'
import { type Column, renderColumns, truncate } from './columns.ts'
import { type EntityView, type Progress, type Totals, totalsOf } from './progress.ts'
import { count, duration } from './words.ts'

export const STATE_STYLE: Readonly<Partial<Record<EntityState, Style>>> = {
  waiting: 'dim',
  fetching: 'cyan',
  landing: 'cyan',
  closed: 'green',
  unproven: 'yellow',
  failed: 'red',
  skipped: 'yellow',
  cancelled: 'dim',
}

/** `limit 12s` */
const MIN_WAIT = 9

const numberOrDash = (n: number, unit = ''): string => (n === 0 ? '-' : `${n.toLocaleString('en-US')}${unit}`)

const rateText = (rate: number | null): string => (rate === null ? '-' : numberOrDash(Math.round(rate), '/s'))

const waitCell = ({ report }: EntityView): string => {
  if (report.waitingFor === null) return ''
  const why = report.waitingReason === null ? '' : `: ${report.waitingReason}`
  return `${report.waitingFor} ${duration(report.waitingMs ?? 0)}${why}`
}

/** In a narrow terminal the tier goes first, then dead letters while there are none, pages, rate, lag. The wait, which comes and goes, is last. */
const columnsFor = (views: readonly EntityView[]): readonly Column<EntityView>[] => {
  const someDead = views.some(({ report }) => report.dead > 0)
  return [
    { title: 'ENTITY', cell: ({ report }) => report.entity },
    { title: 'TIER', cell: ({ report }) => report.tier, keep: 1 },
    { title: 'STATE', cell: ({ report }) => report.state, style: ({ report }) => STATE_STYLE[report.state] },
    { title: 'PAGES', cell: ({ report }) => numberOrDash(report.pages), align: 'right', keep: 3 },
    { title: 'RECORDS', cell: ({ landed }) => numberOrDash(landed), align: 'right' },
    { title: 'RATE', cell: ({ rate }) => rateText(rate), align: 'right', keep: 4 },
    { title: 'LAG', cell: ({ report }) => numberOrDash(report.missing), align: 'right', keep: 5 },
    {
      title: 'DEAD',
      cell: ({ report }) => numberOrDash(report.dead),
      style: ({ report }) => (report.dead > 0 ? 'red' : undefined),
      align: 'right',
      keep: someDead ? 8 : 2,
    },
    { title: 'WAIT', cell: waitCell, style: () => 'yellow', min: MIN_WAIT, keep: 7 },
  ]
}

const footer = (totals: Totals, runState: string, elapsedMs: number): string => {
  const parts = [
    `${runState} ${duration(elapsedMs)}`,
    count(totals.landed, 'record'),
    ...(totals.rate === null ? [] : [`${Math.round(totals.rate).toLocaleString('en-US')}/s`]),
    ...(totals.parked === 0 ? [] : [`${totals.parked.toLocaleString('en-US')} parked`]),
    ...(totals.dead === 0 ? [] : [`${totals.dead.toLocaleString('en-US')} dead`]),
    ...(totals.missing === 0 ? [] : [`lag ${count(totals.missing, 'record')} on ${count(totals.openPages, 'page')}`]),
    count(totals.pages, 'page'),
  ]
  return parts.join(' · ')
}

/** Rows for `room` lines: entities that have ended give way first, then those that wait. */
const shownViews = (views: readonly EntityView[], room: number): readonly EntityView[] => {
  if (views.length <= room) return views
  const rank = ({ report }: EntityView): number => (hasEnded(report) ? 2 : report.state === 'waiting' ? 1 : 0)
  const chosen = new Set(views.toSorted((a, b) => rank(a) - rank(b)).slice(0, Math.max(0, room - 1)))
  return views.filter((view) => chosen.has(view))
}

export interface Frame {
  readonly title: string
  readonly elapsedMs: number
  /** Columns and rows of the terminal. */
  readonly width: number
  readonly height: number
  readonly paint?: Paint
}

/** Title, table and totals; never more lines than the height, none wider than the width. */
export const liveTable = (progress: Progress, { title, elapsedMs, width, height, paint = plain }: Frame): readonly string[] => {
  const totals = footer(totalsOf(progress.views), progress.runState ?? 'planned', elapsedMs)
  const views = shownViews(progress.views, height - 3)
  const hidden = progress.views.length - views.length
  return [
    paint(truncate(title, width), 'bold'),
    ...(views.length === 0 ? [] : renderColumns(columnsFor(progress.views), views, { width, paint })),
    ...(hidden > 0 ? [paint(truncate(`… and ${count(hidden, 'other')}`, width), 'dim')] : []),
    truncate(totals, width),
  ].slice(0, Math.max(1, height))
}
