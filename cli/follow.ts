// Following a run that was asked for or resumed: with all worker roles in this process, waiting for workers elsewhere, or not at all.
import { changeRun, findRun } from '../ledger/runs.ts'
import { liveRoles } from '../ledger/workers.ts'
import { createReporter, type Reporter } from './reporters.ts'
import { ROLE_NAMES } from './role-names.ts'
import { asWorker, type Runtime } from './runtime.ts'
import { EXIT, leaveSoon, onInterrupt, say } from './terminal.ts'
import { watchRun } from './watch.ts'

export interface FollowOptions {
  readonly wait?: boolean
  readonly withWorkers?: boolean
  readonly json?: boolean
}

/**
 * Before a run is asked for that this process is to work on. Workers elsewhere have prepared what they need when they began, and whoever
 * only asks them does not load what it takes.
 */
export const prepareWorkers = async (runtime: Runtime, { withWorkers = false }: FollowOptions): Promise<void> => {
  if (withWorkers) await (await import('./prepare.ts')).prepareInstallation(runtime)
}

/** The last thing of a command that may have run workers in its process. */
export const ending = <T>(done: Promise<T>, { withWorkers = false }: FollowOptions): Promise<T> =>
  withWorkers ? done.finally(leaveSoon) : done

/** The exit code: of the run's end when it is waited for, else 0. */
export const followRun = async (
  runtime: Runtime,
  runId: string,
  { wait = false, withWorkers = false, json = false }: FollowOptions,
): Promise<number> => {
  if (withWorkers) return runHere(runtime, runId, createReporter({ json }))
  await hintWorkers(runtime, runId)
  return wait ? waitElsewhere(runtime, runId, createReporter({ json })) : EXIT.ok
}

/** One Ctrl-C pauses the run; a second ends the process at once. */
const runHere = async (runtime: Runtime, runId: string, reporter: Reporter): Promise<number> => {
  const interrupt = onInterrupt()
  const stopping = new AbortController()
  const own = asWorker({ ...runtime, log: reporter.log ?? runtime.log })
  const { runWorker } = await import('./roles.ts')
  const workers = runWorker(own, ROLE_NAMES, stopping.signal).finally(own.close)
  const watched = watchRun(runtime, runId, reporter, interrupt)
  try {
    // Workers that crash for good end the wait with their reason.
    const code = await Promise.race([watched, workers.then(() => EXIT.failed)])
    if (!interrupt.aborted) return code
    reporter.leave(await pauseRun(runtime, runId))
    return EXIT.interrupted
  } finally {
    stopping.abort()
    await workers
  }
}

/** Pauses the run and says how it goes on; a run that has ended meanwhile is left as it is. */
const pauseRun = async (runtime: Runtime, runId: string): Promise<string> => {
  try {
    await changeRun(runtime.pool, runId, 'pause')
    return `Paused. Go on with: syncline resume --run ${runId} --with-workers`
  } catch {
    const run = await findRun(runtime.pool, runId).catch(() => undefined)
    const goOn = run?.state === 'paused' ? `Go on with: syncline resume --run ${runId} --with-workers` : ''
    return `Interrupted; the run is ${run?.state ?? 'as it was'}. ${goOn || `See: syncline status --run ${runId}`}`
  }
}

/** One Ctrl-C leaves the run alone. */
export const waitElsewhere = async (runtime: Runtime, runId: string, reporter: Reporter): Promise<number> => {
  const interrupt = onInterrupt()
  const code = await watchRun(runtime, runId, reporter, interrupt)
  if (!interrupt.aborted) return code
  reporter.leave(`Not waiting any more; the run goes on. See: syncline status --run ${runId}`)
  return EXIT.interrupted
}

const hintWorkers = async (runtime: Runtime, runId: string): Promise<void> => {
  const live = await liveRoles(runtime.pool)
  const missing = ROLE_NAMES.filter((role) => !live.has(role))
  if (missing.length === 0) return
  const none = missing.length === ROLE_NAMES.length
  say(none ? 'No worker is running. Start one with: syncline worker all' : `No worker runs: ${missing.join(', ')}.`)
  if (!none) say(`Start one with: syncline worker ${missing.join(' ')}`)
  say(`Then see: syncline status --run ${runId}`)
}
