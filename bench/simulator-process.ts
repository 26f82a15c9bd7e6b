// A simulated API as a process of its own, so that what it uses is not counted as ours. It ends with this process.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'

const MAIN = resolve(join('dist', 'cli', 'main.js'))

export interface SimulatorProcess {
  readonly pid: number
  readonly url: string
  readonly personalToken: string
  end(): Promise<void>
}

export const startSimulator = async (people: string): Promise<SimulatorProcess> => {
  const child = spawn(process.execPath, [MAIN, 'simulate', 'pco', '--people', people, '--json'], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  process.once('exit', () => child.kill())
  const [line] = await once(createInterface(child.stdout), 'line')
  const { url, personalToken } = JSON.parse(String(line))
  const end = async () => {
    child.kill()
    await once(child, 'exit')
  }
  return { pid: child.pid ?? -1, url, personalToken, end }
}
