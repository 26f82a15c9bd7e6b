// One service under a guard: a shell that holds a pipe from us, its lifeline. When the pipe closes, because we stop the service
// or because we have died in whatever way, the guard ends the service. So nothing is left behind even after a SIGKILL.
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, openSync, renameSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { SynclineError } from '../platform/errors.ts'
import { hasCode, type ProcessRef, refOf, type StopSignal } from './processes.ts'

export interface GuardedCommand {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env?: Readonly<Record<string, string>>
  /** Its output; the one of the run before is kept as `<logFile>.1`. */
  readonly logFile: string
  readonly stopSignal?: StopSignal
  /** Whom it runs as, if not as ourselves. */
  readonly user?: { readonly uid: number; readonly gid: number } | undefined
}

export interface GuardedProcess {
  readonly process: ProcessRef
  /** Resolves, and never rejects, when the service has ended: with its exit code, 128 + signal as a shell tells it. */
  readonly ended: Promise<number>
  /** Ends it in good order, by SIGKILL after the bound; resolves when it is gone. May be called twice. */
  stop(): Promise<void>
}

const STOP_BOUND_S = 10
const FORCE_AFTER_MS = (STOP_BOUND_S + 2) * 1000

// Arguments: stop signal, bound in tenths of a second, command. It tells the pid of the service on its standard output.
const GUARD = `
signal=$1 bound=$2
shift 2
exec 3<&0
"$@" </dev/null >&2 3<&- &
child=$!
echo "$child"
exec >&2
{
  read -r _ <&3
  kill -s "$signal" "$child"
  while [ "$bound" -gt 0 ] && kill -0 "$child"; do sleep 0.1; bound=$((bound - 1)); done
  kill -s KILL "$child"
} 2>/dev/null &
watcher=$!
wait "$child"
code=$?
kill "$watcher" 2>/dev/null
exit "$code"
`

/** Starts a command under its guard. Errors: `unavailable` if it cannot even be started. */
export const spawnGuarded = async (command: GuardedCommand): Promise<GuardedProcess> => {
  const stopSignal = command.stopSignal ?? 'SIGTERM'
  const child = spawnShell(command, stopSignal)
  const ended = endOf(child)
  const pid = await firstLine(child.stdout)
  const ref = pid === undefined ? undefined : refOf(command.name, pid, stopSignal)
  if (ref === undefined) {
    child.stdin.destroy()
    const code = await ended
    throw new SynclineError('unavailable', `it ended at once with exit code ${code}`, { remedy: `Look at ${command.logFile}` })
  }
  return { process: ref, ended, stop: () => stopGuard(child, ended) }
}

type GuardShell = ChildProcess & { readonly stdin: NonNullable<ChildProcess['stdin']>; readonly stdout: Readable }

const spawnShell = (command: GuardedCommand, stopSignal: StopSignal): GuardShell => {
  const log = openLog(command.logFile)
  const args = [
    '-c',
    GUARD,
    `guard-${command.name}`,
    stopSignal.slice(3),
    String(STOP_BOUND_S * 10),
    command.command,
    ...command.args,
  ]
  try {
    return spawn('/bin/sh', args, {
      cwd: command.cwd,
      env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', ...command.env },
      stdio: ['pipe', 'pipe', log],
      // A process group of its own: Ctrl-C on the terminal is for us alone, and the group can be swept as one.
      detached: true,
      ...command.user,
    }) as GuardShell // stdin and stdout are pipes, as asked for in stdio
  } finally {
    closeSync(log)
  }
}

const openLog = (path: string): number => {
  try {
    renameSync(path, `${path}.1`)
  } catch (error) {
    if (!hasCode(error, 'ENOENT')) throw error
  }
  return openSync(path, 'a', 0o600)
}

const endOf = (child: ChildProcess): Promise<number> =>
  new Promise((resolve) => {
    child.once('exit', (code) => resolve(code ?? 137))
    child.once('error', () => resolve(127))
  })

const firstLine = async (stream: Readable): Promise<number | undefined> => {
  for await (const line of createInterface({ input: stream })) return Number.parseInt(line, 10)
  return undefined
}

const stopGuard = async (child: GuardShell, ended: Promise<number>): Promise<void> => {
  child.stdin.on('error', () => undefined).end()
  const force = setTimeout(() => killGroup(child), FORCE_AFTER_MS)
  await ended
  clearTimeout(force)
  // The guard's watcher may be asleep for a moment longer.
  killGroup(child)
}

const killGroup = (child: ChildProcess): void => {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, 'SIGKILL')
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
}
