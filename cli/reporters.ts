// How a run that is waited for is shown: JSON objects, a line per change, or on a terminal a table redrawn in place.
import type { EntityReport } from '../ledger/report.ts'
import { type Run, waitsForAuthorisation } from '../ledger/runs.ts'
import { createLogger, type Logger } from '../platform/logger.ts'
import { isTerminal, painterFor } from './color.ts'
import { liveTable } from './live-table.ts'
import { logLine } from './log-line.ts'
import type { Change, Progress } from './progress.ts'
import { changeLine, changeObject } from './progress-lines.ts'
import { reportTable, runLine } from './run-lines.ts'
import { Screen } from './screen.ts'
import { print, printJson, say, stdoutWidth } from './terminal.ts'

export interface Reporter {
  show(run: Run, progress: Progress, changes: readonly Change[]): void
  /** Something worth saying that is not progress. */
  note(line: string): void
  end(run: Run, entities: readonly EntityReport[]): void
  /** Not looked at any more, though the run may go on. */
  leave(line: string): void
  /** What workers in this process should log to, so that their lines and ours do not mix; undefined: as configured. */
  readonly log?: Logger
}

/** The table goes to stderr if that is a terminal, else to stdout if that is one; without a terminal it is lines on stderr. */
export const createReporter = ({ json }: { readonly json: boolean }): Reporter => {
  if (json) return jsonReporter
  const terminal = [process.stderr, process.stdout].find((stream) => isTerminal(stream))
  return terminal === undefined ? lineReporter : liveReporter(new Screen(terminal), painterFor(terminal))
}

const sayEnd = (run: Run): void => {
  say(`Run ${run.runId} is ${run.state}${run.reason === null ? '' : `: ${run.reason.replace(/\.$/, '')}`}.`)
  if (waitsForAuthorisation(run))
    say(
      `Connect it again with: syncline org connect ${run.orgId} --source ${run.source}; the run then goes on where workers run.`,
    )
  if (run.state !== 'complete') say(`See more with: syncline show --run ${run.runId}`)
}

const jsonReporter: Reporter = {
  show: (_run, _progress, changes) => {
    for (const change of changes) printJson(changeObject(change))
  },
  note: say,
  leave: say,
  end: (run, entities) => {
    printJson(runLine(run, entities))
    sayEnd(run)
  },
}

const printEnd = (run: Run, entities: readonly EntityReport[]): void => {
  print(reportTable(entities, { width: stdoutWidth(), paint: painterFor(process.stdout) }))
  sayEnd(run)
}

const lineReporter: Reporter = {
  show: (_run, _progress, changes) => {
    for (const change of changes) say(changeLine(change))
  },
  note: say,
  leave: say,
  end: printEnd,
}

const LOG_LEVEL = 'warn'

const liveReporter = (screen: Screen, paint: ReturnType<typeof painterFor>): Reporter => ({
  show: (run, progress) => {
    const title = `${run.orgId}/${run.source} · ${run.strategy} · run ${run.runId}`
    const elapsedMs = Date.now() - (run.startedAt ?? run.createdAt).getTime()
    screen.draw(liveTable(progress, { title, elapsedMs, width: screen.width, height: screen.height, paint }))
  },
  note: (line) => screen.above(line),
  leave: (line) => {
    screen.leave()
    say(line)
  },
  end: (run, entities) => {
    screen.clear()
    printEnd(run, entities)
  },
  log: createLogger(LOG_LEVEL, { write: (json) => screen.above(logLine(json, paint)) }),
})
