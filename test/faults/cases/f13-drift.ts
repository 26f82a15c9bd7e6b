// F13: rows come, go and change while they are paged. A first run is judged by what it can have seen; then all is quiet, and a
// second one must end with exactly what is there.
import { judgeRun } from '../../../cli/verdict.ts'
import { type EntityReport, runReport } from '../../../ledger/report.ts'
import { missingReceipts } from '../../../ledger/run-detail.ts'
import { pause } from '../../../platform/lifecycle.ts'
import type { FaultCase, JudgedRows } from '../case.ts'
import { type ChangeKind, type Enlargement, openDrift } from '../drift.ts'
import { History } from '../history.ts'
import type { Scene } from '../scene.ts'

interface Drifting {
  readonly history: History
  readonly change: (kind: ChangeKind) => void
  /** When the run that is to be judged began, in ms since 1970. */
  since: number
  /** What was wrong after the first one. */
  before: string | undefined
}

/** Groups and events are on several pages only so, and the members of the first. */
const MANY_GROUPS: Enlargement = { tied: 0, groups: 120, members: 250 }
/** On so many pages that a walk of them while some go behind the others misses one, as good as always. */
const MORE_GROUPS: Enlargement = { tied: 0, groups: 420, members: 250 }
const TIE: Enlargement = { tied: 500, groups: 0, members: 0 }
const ALL: Enlargement = { ...MANY_GROUPS, tied: 500 }

/** Pages are slower than changes: several of these fall between two of a walk. */
const LATENCY_MS = 60
const CHANGE_EVERY_MS = 20
/** Of so many records. */
const endsWithinMs = (records: number): number => 300_000 + 4 * records

/** Changes until the run has ended. */
const drift = async (scene: Scene, { change }: Drifting, kinds: readonly ChangeKind[]): Promise<void> => {
  const endsBefore = performance.now() + endsWithinMs(scene.size.records)
  while (!(await scene.hasEnded())) {
    if (performance.now() > endsBefore) throw new Error('The run does not end while its rows change')
    const kind = scene.pick(kinds)
    change(kind)
    scene.struck(kind)
    await pause(CHANGE_EVERY_MS)
  }
}

/** Walked in an order that changes. Every other walk misses nothing that was there throughout, proven or not. */
const MAY_MISS = new Set(['group', 'event'])

/** The entities of which rows may be missing after all, because the run says so itself: unproven ones, and what is below them. */
const mayLack = (entities: readonly EntityReport[]): ReadonlySet<string> => {
  const unproven = entities
    .filter(({ entity, state }) => state === 'unproven' && MAY_MISS.has(entity))
    .map(({ entity }) => entity)
  const below = entities.filter(({ hard }) => hard.some((parent) => unproven.includes(parent)))
  return new Set([...unproven, ...below.map(({ entity }) => entity)])
}

const judgeFirst = async (scene: Scene, { history, since }: Drifting): Promise<string | undefined> => {
  const { pool } = scene.lab
  const run = await scene.run()
  if (run === undefined || run.state === 'failed') return `the first run failed: ${run?.reason}`
  const entities = await runReport(pool, run.runId)
  const { verdict, reasons } = judgeRun(run, entities, (await missingReceipts(pool, run.runId)).length)
  if (verdict === 'open') return `the ledger of the first run is open: ${reasons.join('; ')}`
  const { tables } = await history.judge(pool, since, mayLack(entities))
  return tables && `after the first run: ${tables}`
}

const caseOf = (name: string, kinds: readonly ChangeKind[], size: Enlargement): FaultCase => {
  const drifting = new WeakMap<Scene, Drifting>()
  const driftOf = (scene: Scene): Drifting => {
    const found = drifting.get(scene)
    if (found === undefined) throw new Error('The case was not prepared')
    return found
  }
  const rows = async (scene: Scene): Promise<JudgedRows> => {
    const { history, since, before } = driftOf(scene)
    const { records, tables } = await history.judge(scene.lab.pool, since)
    const wrong = [before, tables].filter((what) => what !== undefined)
    return { records, tables: wrong.length === 0 ? undefined : wrong.join('; then: ') }
  }
  return {
    id: `F13/${name}`,
    ci: { records: 3_000, faults: 50 },
    long: { records: 1_000_000, faults: 1_000 },
    simulator: { latencyMs: LATENCY_MS },
    rows,
    prepare: async (scene) => {
      const history = new History(scene.simulator, scene.owner)
      const change = openDrift(history, scene, size)
      drifting.set(scene, { history, change, since: Date.now(), before: undefined })
      return undefined
    },
    strike: async (scene) => {
      const state = driftOf(scene)
      await drift(scene, state, kinds)
      state.before = await judgeFirst(scene, state)
      state.since = Date.now()
      await scene.beginRun()
      await scene.untilEnded(endsWithinMs(scene.size.records))
      scene.healed()
    },
  }
}

export const driftCases: readonly FaultCase[] = [
  caseOf('all', ['insert', 'delete', 'update', 'rename'], ALL),
  caseOf('renamed', ['rename', 'update', 'reorder', 'reorder'], MORE_GROUPS),
  caseOf('deleted', ['delete'], MANY_GROUPS),
  caseOf('inserted', ['insert'], TIE),
  caseOf('tied', ['untie', 'untie', 'insert', 'rename'], TIE),
]
