// How the command line speaks: data on stdout (with --json one object a line), words for people on stderr, the exit codes.
import { type ErrorCode, isSynclineError, messageOf } from '../platform/errors.ts'
import { printExactJson } from '../platform/exact-json.ts'
import { renderColumns } from './columns.ts'

export const EXIT = { ok: 0, failed: 1, usage: 2, exceptions: 3, auth: 4, notBegun: 5, notKept: 6, interrupted: 130 } as const

const EXIT_OF_CODE: Partial<Record<ErrorCode, number>> = {
  usage: EXIT.usage,
  config: EXIT.usage,
  auth: EXIT.auth,
  permission: EXIT.auth,
  'already-running': EXIT.notBegun,
  paused: EXIT.notBegun,
}

export const exitCodeOfCode = (code: ErrorCode): number => EXIT_OF_CODE[code] ?? EXIT.failed

export const exitCodeOf = (error: unknown): number => (isSynclineError(error) ? exitCodeOfCode(error.code) : EXIT.failed)

export const say = (line: string): void => {
  process.stderr.write(`${line}\n`)
}

/** Whoever reads stdout may have seen enough (`| head -1`): what is under way goes on without being told. */
export const toleratesClosedPipe = (stream: NodeJS.EventEmitter): void => {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
  })
}

/** One JSON object on one line of stdout; always with a `type`. */
export const printJson = (object: Readonly<Record<string, unknown>> & { readonly type: string }): void => {
  process.stdout.write(`${printExactJson(object)}\n`)
}

export const print = (text: string): void => {
  process.stdout.write(text.endsWith('\n') ? text : `${text}\n`)
}

/** Characters of a line of stdout; unlimited when it is not a terminal, unless COLUMNS says otherwise. */
export const stdoutWidth = (): number =>
  Number(process.env['COLUMNS']) || (process.stdout.isTTY ? process.stdout.columns : Number.POSITIVE_INFINITY)

/** What happened, why if known, and what to do next; with --json also as an object on stdout. */
export const reportError = (error: unknown, json: boolean): void => {
  const remedy = isSynclineError(error) ? error.remedy : undefined
  if (json) {
    const code = isSynclineError(error) ? error.code : 'internal'
    printJson({ type: 'error', code, message: messageOf(error), remedy, ...(isSynclineError(error) ? error.details : {}) })
  }
  say(`Error: ${messageOf(error)}`)
  if (remedy) say(remedy)
  if (!isSynclineError(error) && error instanceof Error && error.stack) say(error.stack.split('\n').slice(1, 4).join('\n'))
}

/** A table of texts and numbers; columns that may be dropped or coloured are declared with renderColumns. */
export const table = (header: readonly string[], rows: readonly (readonly (string | number)[])[]): string =>
  renderColumns(
    header.map((title, i) => ({ title, cell: (row: readonly (string | number)[]) => row[i] ?? '' })),
    rows,
    { width: stdoutWidth() },
  ).join('\n')

/** Aborts at the first Ctrl-C or SIGTERM; the second ends the process at once, with the code of an interruption. */
export const onInterrupt = (): AbortSignal => {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      if (controller.signal.aborted) process.exit(EXIT.interrupted)
      controller.abort()
    })
  }
  return controller.signal
}

/** For what is still to be written to the log. */
const LEAVE_AFTER_MS = 500

/**
 * For whoever has run workers in this process, when all has been closed or has failed: a client that still tries to reach a service would
 * keep the process for as long as it is away. Waits for who reads stdout slowly.
 */
export const leaveSoon = (): void =>
  void setTimeout(() => (process.stdout.writableLength > 0 ? leaveSoon() : process.exit()), LEAVE_AFTER_MS).unref()
