// `syncline show`: everything that the ledger knows of one run.
import { Command } from 'commander'
import { type Reconciliation, reconciliationsOf } from '../ledger/deletions.ts'
import { type HealedPage, healedPages } from '../ledger/healing.ts'
import { type MissingParents, missingParents } from '../ledger/parked.ts'
import { arePagesKept } from '../ledger/partitions.ts'
import { type EntityReport, runReport } from '../ledger/report.ts'
import { type DeadLetterGroup, deadLetterGroups, type RangeDetail, runRanges } from '../ledger/run-detail.ts'
import type { Run } from '../ledger/runs.ts'
import { painterFor } from './color.ts'
import { requireRun } from './find-run.ts'
import { NAMED_PARENTS, parkedLine } from './parked-lines.ts'
import { remedyOf } from './remedies.ts'
import { entityLine, runFacts } from './run-lines.ts'
import { type Runtime, withLedger } from './runtime.ts'
import { showText } from './show-text.ts'
import { print, printJson, stdoutWidth } from './terminal.ts'

const EXAMPLES = `
Examples:
  $ syncline show --run 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071
  $ syncline show --run 019a1b2c-3d4e-7f60-8a1b-2c3d4e5f6071 --json | jq '.ranges[] | select(.state == "open")'`

interface ShowOptions {
  readonly run: string
  readonly json?: boolean
}

export const showCommand = (): Command =>
  new Command('show')
    .requiredOption('--run <id>', 'the run')
    .option('--json', 'print it as one JSON line')
    .addHelpText('after', EXAMPLES)
    .action((options: ShowOptions) => withLedger((runtime) => show(runtime, options)))

export interface Failure {
  readonly entity: string
  /** The range that failed; null: the entity as a whole. */
  readonly rangeId: number | null
  readonly code: string | null
  readonly reason: string
  readonly remedy: string
}

export interface RunDetail {
  readonly run: Run
  /** False: how many pages and records there were, and what became of them, is no longer known; figures are 0. */
  readonly pagesKept: boolean
  readonly entities: readonly EntityReport[]
  readonly ranges: readonly RangeDetail[]
  readonly failures: readonly Failure[]
  readonly deadLetters: readonly DeadLetterGroup[]
  /** Pages that vanished on Kafka. */
  readonly healed: readonly HealedPage[]
  readonly missing: MissingParents
  readonly reconciliations: readonly Reconciliation[]
}

/** Missing parents in one JSON line. */
const MAX_PARENTS_AS_JSON = 1_000

const show = async (runtime: Runtime, options: ShowOptions): Promise<void> => {
  const detail = await look(runtime, options.run, options.json ? MAX_PARENTS_AS_JSON : NAMED_PARENTS)
  if (options.json) printJson(detailLine(detail))
  else print(showText(detail, { width: stdoutWidth(), paint: painterFor(process.stdout), nowMs: Date.now() }))
}

const look = async (runtime: Runtime, runId: string, limit: number): Promise<RunDetail> => {
  const { pool } = runtime
  const run = await requireRun(runtime, runId)
  const entities = await runReport(pool, run.runId)
  const ranges = await runRanges(pool, run.runId)
  return {
    run,
    pagesKept: await arePagesKept(pool, run.runId),
    entities,
    ranges,
    failures: failuresOf(run, entities, ranges),
    deadLetters: await deadLetterGroups(pool, run.runId),
    healed: await healedPages(pool, run.runId),
    missing: await missingParents(pool, run, { limit }),
    reconciliations: await reconciliationsOf(pool, run.runId),
  }
}

/** Causes only: what was skipped because of them is not a failure of its own. */
export const failuresOf = (
  run: Pick<Run, 'orgId'>,
  entities: readonly EntityReport[],
  ranges: readonly RangeDetail[],
): readonly Failure[] => {
  const failure = (entity: string, rangeId: number | null, code: string | null, reason: string | null): Failure => ({
    entity,
    rangeId,
    code,
    reason: reason ?? 'no reason was recorded',
    remedy: remedyOf(code, run.orgId),
  })
  const ofRanges = ranges.flatMap(({ state, spec, rangeId, errorCode, reason }) =>
    state === 'failed' ? [failure(spec.entity, rangeId, errorCode, reason)] : [],
  )
  const told = new Set(ofRanges.map(({ entity }) => entity))
  const ofEntities = entities.flatMap(({ entity, state, errorCode, reason }) =>
    (state === 'failed' && !told.has(entity)) || state === 'unproven' ? [failure(entity, null, errorCode, reason)] : [],
  )
  return [...ofRanges, ...ofEntities]
}

const isoOf = (date: Date | null): string | null => date?.toISOString() ?? null

const detailLine = ({
  run,
  pagesKept,
  entities,
  ranges,
  failures,
  deadLetters,
  healed,
  missing,
  reconciliations,
}: RunDetail) => ({
  ...runFacts(run),
  type: 'run-detail',
  pagesKept,
  selection: run.selection,
  entities: entities.map((entity) => ({
    ...entityLine(entity),
    tier: entity.tier,
    hard: entity.hard,
    soft: entity.soft,
    carrier: entity.carrier,
    missing: entity.missing,
    openPages: entity.openPages,
    startedAt: isoOf(entity.startedAt),
    endedAt: isoOf(entity.endedAt),
  })),
  ranges: ranges.map((range) => ({
    ...range,
    wakeAt: isoOf(range.wakeAt),
    waitingSince: isoOf(range.waitingSince),
  })),
  failures,
  deadLetters,
  healed: healed.map((page) => ({ ...page, lastAt: isoOf(page.lastAt) })),
  ...parkedLine(missing),
  reconciliations,
})
