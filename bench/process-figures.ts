// What processes of this machine have used: goes in a process id, come out CPU seconds and memory, read from /proc (Linux).
import { readdirSync, readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100
// Of proc(5)'s stat, counted from behind the name, which may hold anything: the parent, our own time, that of children who ended.
const PARENT = 1
const OWN_TICKS = [11, 12]
const ENDED_CHILDREN_TICKS = [13, 14]

const read = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

const fieldsOf = (pid: number, file = 'stat'): readonly number[] => {
  const stat = read(pid, file)
  return stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number)
}

const seconds = (fields: readonly number[], which: readonly number[]): number =>
  which.reduce((sum, n) => sum + (fields[n] ?? 0), 0) / TICKS_PER_SECOND

/** User and system time since the process began; 0 where it cannot be read. */
export const cpuSeconds = (pid: number): number => seconds(fieldsOf(pid), OWN_TICKS)

/** Of its main thread alone: for a Node process, that of its event loop. */
export const mainThreadSeconds = (pid: number): number => seconds(fieldsOf(pid, `task/${pid}/stat`), OWN_TICKS)

/** The same with all its children, those that have ended included. */
export const familyCpuSeconds = (pid: number): number => {
  let sum = seconds(fieldsOf(pid), [...OWN_TICKS, ...ENDED_CHILDREN_TICKS])
  for (const name of readdirSync('/proc')) {
    const child = Number(name)
    if (Number.isInteger(child) && fieldsOf(child)[PARENT] === pid) sum += cpuSeconds(child)
  }
  return sum
}

/** The most memory that the process had resident at any time, in MB. */
export const peakResidentMb = (pid: number): number => Number(/^VmHWM:\s+(\d+)/m.exec(read(pid, 'status'))?.[1] ?? 0) / 1024
