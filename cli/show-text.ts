// One run as a page of text: facts, entities with their timing, ranges with their holders, failures with what to do. Pure.
import type { EntityReport } from '../ledger/report.ts'
import type { RangeDetail } from '../ledger/run-detail.ts'
import type { WalkSpec } from '../manifests/walk.ts'
import type { Paint } from './color.ts'
import { type Column, renderColumns, truncate } from './columns.ts'
import { STATE_STYLE } from './live-table.ts'
import { parkedText } from './parked-lines.ts'
import { reconciliationText } from './reconcile-lines.ts'
import { readText, reportTable } from './run-lines.ts'
import { runDuration } from './runs.ts'
import type { RunDetail } from './show.ts'
import { count, duration, moment } from './words.ts'

interface TextOptions {
  readonly width: number
  readonly paint: Paint
  readonly nowMs: number
}

export const showText = (detail: RunDetail, options: TextOptions): string => {
  const sections = [
    facts(detail, options),
    entities(detail, options),
    ranges(detail, options),
    failures(detail),
    parkedText(detail.missing),
    reconciliationText(detail.run, detail.reconciliations),
    deadLetters(detail),
    healed(detail),
  ]
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n')
}

const facts = ({ run }: RunDetail, { paint, nowMs }: TextOptions): readonly string[] => [
  paint(`Run ${run.runId}`, 'bold'),
  `organisation  ${run.orgId}, source ${run.source}, adapter ${run.adapter}`,
  `strategy      ${run.strategy}, ${count(run.selection.length, 'entity', 'entities')} asked for`,
  `state         ${run.state}${run.reason === null ? '' : `: ${run.reason}`}`,
  `created       ${moment(run.createdAt)}`,
  ...(run.startedAt === null ? [] : [`started       ${moment(run.startedAt)}`]),
  ...(run.endedAt === null ? [] : [`ended         ${moment(run.endedAt)}`]),
  `took          ${runDuration(run, nowMs)}`,
]

const clock = (date: Date | null): string => (date === null ? '-' : `${date.toISOString().slice(11, 19)}Z`)

const timingColumns = (nowMs: number): readonly Column<EntityReport>[] => [
  { title: 'ENTITY', cell: ({ entity }) => entity },
  { title: 'STATE', cell: ({ state }) => state, style: ({ state }) => STATE_STYLE[state] },
  { title: 'STARTED', cell: ({ startedAt }) => clock(startedAt), keep: 1 },
  { title: 'ENDED', cell: ({ endedAt }) => clock(endedAt), keep: 2 },
  { title: 'TOOK', cell: (entity) => entityDuration(entity, nowMs), align: 'right', keep: 3 },
  { title: 'REASON', cell: (entity) => entity.reason ?? readText(entity), min: 16 },
]

const entityDuration = ({ startedAt, endedAt }: EntityReport, nowMs: number): string =>
  startedAt === null ? '-' : duration((endedAt?.getTime() ?? nowMs) - startedAt.getTime())

const NOT_KEPT = 'Its pages are no longer kept: what was received and what became of it is not known any more.'

const entities = ({ entities: reports, pagesKept }: RunDetail, { width, paint, nowMs }: TextOptions): readonly string[] =>
  reports.length === 0
    ? ['Not planned yet.']
    : [
        pagesKept ? reportTable(reports, { width, paint }) : NOT_KEPT,
        '',
        ...renderColumns(timingColumns(nowMs), reports, { width, paint }),
      ]

const walkText = (walk: WalkSpec): string => {
  switch (walk.kind) {
    case 'keyset':
      return `${walk.field} ${walk.from ?? '…'} to ${walk.to ?? '…'}`
    case 'offset':
      return `sweep ${walk.sweep}${walk.order === null ? '' : ` by ${walk.order}`}`
    case 'parents':
      return `${count(walk.ids.length, walk.parent)}`
    case 'count':
      return 'total only'
    case 'ids':
      return `${count(walk.ids.length, 'missing parent')} by id`
    case 'down':
      return `${walk.field} from the newest down to ${walk.until}`
    case 'confirm':
      return `${count(walk.rows.length, 'row')} that ${walk.rows.length === 1 ? 'was' : 'were'} not shown`
  }
}

const holderText = ({ holder }: RangeDetail): string => {
  if (holder === null) return '-'
  const who = holder.host === null ? holder.workerId.slice(0, 8) : `${holder.host}:${holder.pid}`
  return holder.live ? who : `${who} (lapsed)`
}

const MAX_CURSOR = 60

const positionText = ({ cursor, waitingFor, reason }: RangeDetail): string => {
  const wait = waitingFor === null ? '' : `waits for ${waitingFor}${reason === null ? '' : `: ${reason}`}; `
  return `${wait}${cursor === null ? 'at the start' : truncate(JSON.stringify(cursor), MAX_CURSOR)}`
}

const RANGE_COLUMNS: readonly Column<RangeDetail>[] = [
  { title: 'RANGE', cell: ({ rangeId }) => rangeId },
  { title: 'ENTITY', cell: ({ spec }) => spec.entity },
  { title: 'STATE', cell: ({ state }) => state, style: ({ state }) => (state === 'failed' ? 'red' : undefined) },
  { title: 'PAGES', cell: ({ nextPage }) => nextPage },
  { title: 'CALLS', cell: ({ calls }) => calls, keep: 4 },
  { title: 'EPOCH', cell: ({ epoch }) => epoch, keep: 5 },
  { title: 'HOLDER', cell: holderText, keep: 3 },
  { title: 'WALK', cell: ({ spec }) => walkText(spec.walk), keep: 2 },
  { title: 'POSITION', cell: (range) => (range.state === 'open' ? positionText(range) : ''), keep: 1 },
]

const ranges = (detail: RunDetail, { width, paint }: TextOptions): readonly string[] =>
  detail.ranges.length === 0 ? [] : renderColumns(RANGE_COLUMNS, detail.ranges, { width, paint })

const failures = (detail: RunDetail): readonly string[] =>
  detail.failures.length === 0
    ? []
    : [
        'Failures:',
        ...detail.failures.flatMap(({ entity, rangeId, code, reason, remedy }) => [
          `  ${entity}${rangeId === null ? '' : `, range ${rangeId}`}${code === null ? '' : ` [${code}]`}: ${reason}`,
          `    ${remedy}`,
        ]),
      ]

const lettersToMend = ({ run, deadLetters }: RunDetail): readonly string[] =>
  deadLetters.some(({ state }) => state === 'open') ? [`  See them with: syncline dlq list --run ${run.runId}`] : []

const deadLetters = (detail: RunDetail): readonly string[] =>
  detail.deadLetters.length === 0
    ? []
    : [
        'Dead letters:',
        ...detail.deadLetters.map(({ entity, stage, code, reason, state, outcome, count: n, examples }) => {
          const ids = examples.length === 0 ? '' : `, such as ${examples.join(', ')}`
          const cameOf = outcome === null ? state : `${state}: ${outcome}`
          return `  ${n.toLocaleString('en-US')} × ${entity}, ${stage} [${code}], ${cameOf}: ${reason}${ids}`
        }),
        ...lettersToMend(detail),
      ]

const healed = (detail: RunDetail): readonly string[] =>
  detail.healed.length === 0
    ? []
    : [
        'Vanished on Kafka and healed:',
        ...detail.healed.map(
          ({ entity, rangeId, page, times, lastAt }) =>
            `  ${entity}, range ${rangeId}, page ${page}: ${count(times, 'time')}, last at ${moment(lastAt)}`,
        ),
      ]
