// M1 to M7 of one case, each judged by itself: undefined when it holds, else what was seen.
import { isEqual } from '../../cli/compare.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import { judgeRun } from '../../cli/verdict.ts'
import { runReport } from '../../ledger/report.ts'
import { missingReceipts } from '../../ledger/run-detail.ts'
import { until } from '../harness/until.ts'
import type { Dead, FaultCase, JudgedRows } from './case.ts'
import { manifest } from './lab.ts'
import type { Scene } from './scene.ts'
import { commandLineOf, secretFinder, tablesWithSecrets } from './witnesses.ts'

export const CHECKS = ['M1', 'M2', 'M3', 'M4', 'M5', 'M6', 'M7'] as const
export type CheckName = (typeof CHECKS)[number]

export interface Findings {
  readonly records: number
  readonly wrong: Partial<Record<CheckName, string>>
}

const CAUGHT_UP_WITHIN_SECONDS = 60
const MAX_RESIDENT_MB = 450
/** Two minutes; in less, what a process fills at its start cannot be told from what it never frees. */
const ENOUGH_SAMPLES = 240
const FLAT_RATIO = 1.15
const FLAT_MB = 40
const IDLE_IN_TRANSACTION_MS = 3_000

/** Of a run that fails, rows may be missing; none may be wrong. */
const tables = async (scene: Scene, { ends, rows }: FaultCase): Promise<JudgedRows> => {
  if (rows !== undefined) return rows(scene)
  const differences = await compareWithModel(scene.lab.pool, manifest, scene.owner, scene.simulator.model)
  const judged = ends === 'failed' ? differences.map((difference) => ({ ...difference, missing: [] })) : differences
  const wrong = judged.filter((difference) => !isEqual(difference))
  return {
    records: differences.reduce((sum, { found }) => sum + found, 0),
    tables: wrong.length === 0 ? undefined : JSON.stringify(wrong),
  }
}

/** The state that the run was given, and the ledger behind it. */
const ledger = async (scene: Scene, { ends = 'complete', mayCrash }: FaultCase): Promise<string | undefined> => {
  const run = await scene.run()
  if (run === undefined) return 'there is no run'
  if (run.state !== ends) return `the run is ${run.state}, not ${ends}: ${run.reason ?? ''}`
  if (ends === 'failed') return run.reason === null ? 'the run does not say why it failed' : undefined
  const receipts = await missingReceipts(scene.lab.pool, run.runId)
  const report = await runReport(scene.lab.pool, run.runId)
  const { verdict, reasons } = judgeRun(run, report, receipts.length)
  if ((ends === 'complete') !== (verdict === 'closed') || verdict === 'open') return `${verdict}: ${reasons.join('; ')}`
  const twice = report.find((e) => e.merged + e.unchanged + e.stale + e.parked + e.dead !== e.fetched)
  if (twice) return `records of ${twice.entity} have more than one outcome: ${JSON.stringify(twice)}`
  const wasted = scene.pagesAtRisk === undefined ? 0 : await wastedPages(scene)
  if (wasted > (scene.pagesAtRisk ?? 0)) return `${wasted} pages were asked for again, ${scene.pagesAtRisk} had been in flight`
  if (mayCrash) return undefined
  const crash = scene.lab.crew.logs().find(({ text }) => text.includes('"msg":"role crashed"'))
  return crash && `a role crashed, see the log ${crash.name}`
}

const IDENTITY = 'GET /people/v2/me'

/** Requests that were answered and whose answer was no step of a walk: not received, or the same step once more. */
const wastedPages = async ({ lab, simulator, runId }: Scene): Promise<number> => {
  const { rows } = await lab.pool.query<{ steps: number }>(
    'select count(distinct (range_id, request, next))::int as steps from sync.pages where run_id = $1 and accepted',
    [runId],
  )
  const { byStatus, byPath } = simulator.stats()
  // Whose the credential is, is asked before the first page, and is none.
  return (byStatus['200'] ?? 0) - (byPath[IDENTITY] ?? 0) - (rows[0]?.steps ?? 0)
}

const nameOf = ({ entity, externalId, code }: Dead): string => `${entity} ${externalId ?? 'without id'} (${code})`

/** What died is what was bad, no more and no less. */
const deadLetters = async (scene: Scene, expected: readonly Dead[]): Promise<string | undefined> => {
  const { rows } = await scene.lab.pool.query<Dead>(
    'select distinct entity, external_id as "externalId", code from sync.dead_letters where org_id = $1',
    [scene.org],
  )
  const [found, wanted] = [new Set(rows.map(nameOf)), new Set(expected.map(nameOf))]
  const missing = [...wanted].filter((name) => !found.has(name))
  const extra = [...found].filter((name) => !wanted.has(name))
  if (missing.length + extra.length === 0) return undefined
  return `not dead: ${missing.slice(0, 10).join(', ') || 'none'}; dead and good: ${extra.slice(0, 10).join(', ') || 'none'}`
}

export const versions = async ({ lab, org }: Pick<Scene, 'lab' | 'org'>): Promise<string | undefined> => {
  const { rows } = await lab.pool.query('select entity, id, was, became from faults.older_updates where org_id = $1 limit 3', [
    org,
  ])
  return rows.length === 0 ? undefined : `older versions were written: ${JSON.stringify(rows)}`
}

export const limit = ({ simulator }: Pick<Scene, 'simulator'>): string | undefined => {
  const { violations, maxInWindow } = simulator.stats()
  return violations === 0 ? undefined : `${violations} requests above the limit, ${maxInWindow} in one window`
}

export const secrets = async ({ lab }: Pick<Scene, 'lab'>): Promise<string | undefined> => {
  const holdsSecret = secretFinder(lab.marks)
  const logs = lab.crew.logs().filter(({ text }) => holdsSecret(text))
  const shown = lab.crew.running().filter(({ pid }) => holdsSecret(commandLineOf(pid)))
  const places = [
    ...lab.secrets.found,
    ...(await tablesWithSecrets(lab.pool, lab.marks)),
    ...logs.map(({ name }) => `log ${name}`),
    ...shown.map(({ role }) => `the command line of ${role}`),
  ]
  if (lab.secrets.read() === 0) return 'no topic was read'
  return places.length === 0 ? undefined : `a secret is in ${places.join(', ')}`
}

/** Refresh tokens whose successor had been delivered. */
const tokensUsedAgain = ({ simulator }: Scene, { usedAgain = 0 }: FaultCase): string | undefined => {
  const found = simulator.oauth.stats().usedAgain
  return found <= usedAgain ? undefined : `${found} refresh tokens were used after their successor was received`
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

/** Of processes that lived long enough to tell: the last third of their time against the third before it. */
const growth = (samples: readonly number[]): string | undefined => {
  if (samples.length < ENOUGH_SAMPLES) return undefined
  const third = Math.floor(samples.length / 3)
  const [middle, last] = [median(samples.slice(third, -third)), median(samples.slice(-third))]
  if (last <= Math.max(middle * FLAT_RATIO, middle + FLAT_MB)) return undefined
  return `the memory of a worker grew from ${Math.round(middle)} to ${Math.round(last)} MB`
}

/** Below the cap at all times, and flat. */
export const memory = ({ memory }: Pick<Scene, 'memory'>): string | undefined => {
  const all = [...memory.values()]
  const largest = all.flat().reduce((most, mb) => Math.max(most, mb), 0)
  if (largest > MAX_RESIDENT_MB) return `a worker had ${Math.round(largest)} MB`
  return all.map(growth).find((grown) => grown !== undefined)
}

const aftermath = async (scene: Scene): Promise<string | undefined> => {
  if (scene.secondsAfter > CAUGHT_UP_WITHIN_SECONDS) return `caught up ${Math.round(scene.secondsAfter)} s after the last fault`
  const grown = memory(scene)
  if (grown !== undefined) return grown
  const idle = async () => {
    const { rowCount } = await scene.lab.pool.query(
      `select from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'
         and now() - state_change > $1 * interval '1 millisecond'`,
      [IDLE_IN_TRANSACTION_MS],
    )
    return rowCount === 0
  }
  return until('no session is idle in a transaction', idle, 10_000).then(
    () => undefined,
    () => 'a session stays idle in a transaction',
  )
}

export const judge = async (scene: Scene, test: FaultCase, dead: readonly Dead[]): Promise<Findings> => {
  const { records, tables: m1 } = await tables(scene, test)
  const found: Record<CheckName, string | undefined> = {
    M1: m1,
    M2: await ledger(scene, test),
    M3: await deadLetters(scene, dead),
    M4: await versions(scene),
    M5: limit(scene),
    M6: (await secrets(scene)) ?? tokensUsedAgain(scene, test),
    M7: await aftermath(scene),
  }
  const wrong: Findings['wrong'] = {}
  for (const name of CHECKS) {
    const what = found[name] ?? (await test.besides?.[name]?.(scene))
    if (what !== undefined) wrong[name] = what
  }
  return { records, wrong }
}
