// A simulated API as a process of its own, so that what it uses is not counted as ours. It ends with this process.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { CONTROL_HEADER } from '../simulator/control.ts'
import type { SimulatorOptions } from '../simulator/simulator.ts'
import type { Stats } from '../simulator/stats.ts'

const MAIN = resolve(join('dist', 'bench', 'simulator-main.js'))

export interface SimulatorProcess {
  readonly pid: number
  readonly url: string
  readonly personalToken: string
  stats(): Promise<Stats>
  end(): Promise<void>
}

export const startSimulator = async (options: SimulatorOptions): Promise<SimulatorProcess> => {
  const child = spawn(process.execPath, [MAIN, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] })
  const kill = () => void child.kill()
  process.once('exit', kill)
  const [line] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    once(child, 'exit').then(([code]) => Promise.reject(new Error(`The simulator ended with ${code}`))),
  ])
  const { url, personalToken, controlToken } = JSON.parse(String(line))
  return {
    pid: child.pid ?? -1,
    url,
    personalToken,
    stats: async () => {
      const answer = await fetch(`${url}/_sim/stats`, { headers: { [CONTROL_HEADER]: controlToken } })
      // Our own simulator's words.
      return (await answer.json()) as Stats
    },
    end: async () => {
      process.removeListener('exit', kill)
      const exited = once(child, 'exit')
      kill()
      await exited
    },
  }
}
