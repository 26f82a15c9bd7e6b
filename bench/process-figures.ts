// What processes of this machine have used: goes in a process id, come out CPU seconds and memory, read from /proc (Linux).
import { readFileSync } from 'node:fs'

const TICKS_PER_SECOND = 100
const USER_TICKS = 11
const SYSTEM_TICKS = 12

const read = (pid: number, file: string): string => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return ''
  }
}

/** User and system time since the process began; 0 where it cannot be read. */
export const cpuSeconds = (pid: number): number => {
  const stat = read(pid, 'stat')
  // The name before may hold anything, so fields are counted from behind it.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[USER_TICKS] ?? 0) + Number(fields[SYSTEM_TICKS] ?? 0)) / TICKS_PER_SECOND
}

/** The most memory that the process had resident at any time, in MB. */
export const peakResidentMb = (pid: number): number => Number(/^VmHWM:\s+(\d+)/m.exec(read(pid, 'status'))?.[1] ?? 0) / 1024
