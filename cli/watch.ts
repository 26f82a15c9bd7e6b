// Waits for the end of a run and shows its progress: one line per change.
import { type EntityReport, runReport } from '../ledger/report.ts'
import { findRun, hasEnded, type Run } from '../ledger/runs.ts'
import { SynclineError } from '../platform/errors.ts'
import { pause } from '../platform/lifecycle.ts'
import { exitCodeOfRun, reportTable, runLine } from './run-lines.ts'
import type { Runtime } from './runtime.ts'
import { EXIT, print, printJson, say } from './terminal.ts'

const POLL_MS = 250

/** The exit code of the run's end, or that of an interruption. */
export const watchRun = async (
  runtime: Runtime,
  runId: string,
  { json, signal }: { json: boolean; signal: AbortSignal },
): Promise<number> => {
  let before: readonly EntityReport[] = []
  while (!signal.aborted) {
    const run = await findRun(runtime.pool, runId)
    if (run === undefined)
      throw new SynclineError('usage', `There is no run ${runId}.`, { remedy: 'List them with: syncline runs' })
    const now = await runReport(runtime.pool, runId)
    for (const entity of changed(before, now)) showChange(entity, json)
    before = now
    if (hasEnded(run.state)) return showEnd(run, now, json)
    await pause(POLL_MS, signal)
  }
  return EXIT.interrupted
}

const changed = (before: readonly EntityReport[], now: readonly EntityReport[]): readonly EntityReport[] =>
  now.filter((entity) => before.find((b) => b.entity === entity.entity)?.state !== entity.state)

const showChange = (entity: EntityReport, json: boolean): void => {
  if (json)
    printJson({ type: 'entity', entity: entity.entity, state: entity.state, fetched: entity.fetched, merged: entity.merged })
  else say(`${entity.entity}: ${entity.state}${entity.reason ? ` (${entity.reason})` : ''}`)
}

const showEnd = (run: Run, entities: readonly EntityReport[], json: boolean): number => {
  if (json) printJson(runLine(run, entities))
  else print(reportTable(entities))
  say(`Run ${run.runId} is ${run.state}${run.reason ? `: ${run.reason}` : ''}.`)
  return exitCodeOfRun(run.state, run.errorCode)
}
