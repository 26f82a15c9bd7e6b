// Processes that outlive the program that started them: a pid alone may be recycled, a pid with its start time may not.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { z } from 'zod'

export const ProcessRefSchema = z
  .strictObject({
    name: z.string(),
    pid: z.int().positive(),
    /** As the kernel tells it, opaque: compared for equality only. */
    startedAt: z.string(),
    /** The signal on which it ends in good order (for PostgreSQL SIGINT: SIGTERM would wait for its clients). */
    stopSignal: z.enum(['SIGTERM', 'SIGINT']),
  })
  .readonly()

export type ProcessRef = z.infer<typeof ProcessRefSchema>
export type StopSignal = ProcessRef['stopSignal']

const POLL_MS = 20

/** When the process with this pid started, or undefined if there is none (one that nobody has reaped yet counts as none). */
export const processStart = (pid: number): string | undefined =>
  process.platform === 'linux' ? startFromProc(pid) : startFromPs(pid)

// proc(5): the command name may hold spaces and brackets, so count fields from its last bracket: state is the 3rd, start the 22nd.
const startFromProc = (pid: number): string | undefined => {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19]
  } catch {
    return undefined
  }
}

const startFromPs = (pid: number): string | undefined => {
  try {
    const line = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    return line === '' || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '')
  } catch {
    return undefined
  }
}

/** A reference to a living process, or undefined if it has gone already. */
export const refOf = (name: string, pid: number, stopSignal: StopSignal = 'SIGTERM'): ProcessRef | undefined => {
  const startedAt = processStart(pid)
  return startedAt === undefined ? undefined : { name, pid, startedAt, stopSignal }
}

export const isAlive = (ref: ProcessRef): boolean => processStart(ref.pid) === ref.startedAt

/** Resolves to whether the process ended within `boundMs`. */
const waitForEnd = async (ref: ProcessRef, boundMs: number): Promise<boolean> => {
  const deadline = performance.now() + boundMs
  while (isAlive(ref)) {
    if (performance.now() >= deadline) return false
    await delay(POLL_MS)
  }
  return true
}

/** Ends a process: its own signal first, SIGKILL when it has not gone after `boundMs`. */
export const endProcess = async (ref: ProcessRef, boundMs: number): Promise<void> => {
  signalProcess(ref, ref.stopSignal)
  if (await waitForEnd(ref, boundMs)) return
  signalProcess(ref, 'SIGKILL')
  await waitForEnd(ref, boundMs)
}

const signalProcess = (ref: ProcessRef, signal: NodeJS.Signals): void => {
  try {
    if (isAlive(ref)) process.kill(ref.pid, signal)
  } catch (error) {
    if (!hasCode(error, 'ESRCH')) throw error
  }
}

export const hasCode = (error: unknown, ...codes: readonly string[]): boolean =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' && codes.includes(error.code)
