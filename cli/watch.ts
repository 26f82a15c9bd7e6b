// Waits for the end of a run: looks at the ledger again and again, and when the run's state has changed, and hands what is new to a reporter.
import { runReport } from '../ledger/report.ts'
import { findRun, hasEnded, waitsForAuthorisation } from '../ledger/runs.ts'
import { CHANNELS } from '../ledger/signals.ts'
import { messageOf, SynclineError } from '../platform/errors.ts'
import { isDatabaseAway } from '../platform/postgres.ts'
import { createSignals } from '../platform/signals.ts'
import { NO_PROGRESS, type Progress, reduce } from './progress.ts'
import type { Reporter } from './reporters.ts'
import { exitCodeOfRun } from './run-lines.ts'
import type { Runtime } from './runtime.ts'
import { EXIT } from './terminal.ts'

const POLL_MS = 250
/** A ledger that answers slowly is asked less often: looking at a run must not cost what the run needs. */
const REST_PER_LOOK = 25
const MAX_POLL_MS = 3_000
const AWAY_MS = 1_000

interface Watched {
  readonly runtime: Runtime
  readonly runId: string
  readonly reporter: Reporter
}

/** The exit code of the run's end, or that of an interruption. PostgreSQL away is waited for. */
export const watchRun = async (runtime: Runtime, runId: string, reporter: Reporter, signal: AbortSignal): Promise<number> => {
  const signals = createSignals(runtime.pool, [CHANNELS.runs], runtime.log)
  const news = signals.news([CHANNELS.runs], signal, (id) => id === runId)
  let progress = NO_PROGRESS
  let away = false
  try {
    while (!signal.aborted) {
      const startedMs = performance.now()
      try {
        const looked = await look({ runtime, runId, reporter }, progress)
        if (typeof looked === 'number') return looked
        progress = looked
        if (away) reporter.note('PostgreSQL is back.')
        away = false
      } catch (error) {
        if (!isDatabaseAway(error)) throw error
        if (!away) reporter.note(`PostgreSQL is away, waiting for it: ${messageOf(error)}`)
        away = true
      }
      const tookMs = performance.now() - startedMs
      await news.sleep(away ? AWAY_MS : Math.min(MAX_POLL_MS, Math.max(POLL_MS, tookMs * REST_PER_LOOK)))
    }
    return EXIT.interrupted
  } finally {
    await signals.close()
  }
}

/** One look; the exit code when the run has ended, or waits for an administrator: that may take days. */
const look = async ({ runtime, runId, reporter }: Watched, before: Progress): Promise<Progress | number> => {
  const run = await findRun(runtime.pool, runId)
  if (run === undefined) {
    throw new SynclineError('usage', `There is no run ${runId} any more.`, { remedy: 'List them with: syncline runs' })
  }
  const entities = await runReport(runtime.pool, runId)
  const { progress, changes } = reduce(before, { atMs: performance.now(), runState: run.state, entities })
  reporter.show(run, progress, changes)
  if (!hasEnded(run.state) && !waitsForAuthorisation(run)) return progress
  reporter.end(run, entities)
  return exitCodeOfRun(run.state, run.errorCode)
}
