// What a piece of work has used of the machine, from now on: CPU of our processes and of each server, and our peak of memory.
import { cpuSeconds, peakResidentMb } from './process-figures.ts'
import { type Figures, rounded } from './work.ts'

export interface Meter {
  /** Of the processes that do the work now; one that began after the meter counts from its start. */
  read(workers: readonly number[], records: number, seconds: number): Figures
}

const cpuOf = (pids: readonly number[]): number => pids.reduce((sum, pid) => sum + cpuSeconds(pid), 0)

/** `servers`: CPU seconds by server, as of the moment of the call. */
export const startMeter = (servers: () => Readonly<Record<string, number>>, workers: readonly number[] = []): Meter => {
  const [before, serversBefore] = [cpuOf(workers), servers()]
  return {
    read: (now, records, seconds) => {
      const ours = cpuOf(now) - before
      const used = Object.entries(servers()).map(([name, cpu]) => [`${name} CPU`, rounded(cpu - (serversBefore[name] ?? 0))])
      return {
        records,
        seconds: rounded(seconds),
        'records/s': Math.round(records / seconds),
        'our CPU': rounded(ours),
        'records/CPU s': Math.round(records / ours),
        ...Object.fromEntries(used),
        'peak MB': Math.round(now.reduce((sum, pid) => sum + peakResidentMb(pid), 0)),
      }
    },
  }
}
