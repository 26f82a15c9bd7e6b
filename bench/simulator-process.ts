// The API that a benchmark reads, as a process of its own, so that what it uses is not counted as ours. It ends with this process.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { CONTROL_HEADER } from '../simulator/control.ts'
import type { SimulatorOptions } from '../simulator/simulator.ts'
import type { Stats } from '../simulator/stats.ts'

const MAIN = resolve(join('dist', 'bench', 'simulator-main.js'))

export interface Vendor {
  readonly pid: number
  readonly url: string
  readonly personalToken: string
  end(): Promise<void>
}

export interface SimulatorProcess extends Vendor {
  stats(): Promise<Stats>
}

interface ApiProcess {
  readonly pid: number
  /** What it says first: it listens by then. */
  readonly line: string
  end(): Promise<void>
}

export const startApi = async (program: string, args: readonly string[], env = process.env): Promise<ApiProcess> => {
  const child = spawn(process.execPath, [program, ...args], { env, stdio: ['ignore', 'pipe', 'inherit'] })
  const kill = () => void child.kill()
  process.once('exit', kill)
  const [line] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`${program} ended with ${code}`))),
  ])
  return {
    pid: child.pid ?? -1,
    line: String(line),
    end: async () => {
      process.removeListener('exit', kill)
      const exited = once(child, 'exit')
      kill()
      await exited
    },
  }
}

export const startSimulator = async (options: SimulatorOptions): Promise<SimulatorProcess> => {
  const { line, ...api } = await startApi(MAIN, [JSON.stringify(options)])
  const { url, personalToken, controlToken } = JSON.parse(line)
  return {
    ...api,
    url,
    personalToken,
    stats: async () => {
      const answer = await fetch(`${url}/_sim/stats`, { headers: { [CONTROL_HEADER]: controlToken } })
      // Our own simulator's words.
      return (await answer.json()) as Stats
    },
  }
}
