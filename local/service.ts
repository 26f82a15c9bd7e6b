// The shape that all services share: started with a folder, a log and a port; ready only when it answers in its own protocol.
import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import { messageOf, SynclineError } from '../platform/errors.ts'
import { SERVICE_TITLES, type ServiceName } from './addresses.ts'
import { type GuardedCommand, type GuardedProcess, spawnGuarded } from './guard.ts'

export interface ServiceContext {
  /** Its own folder, which it may fill as it likes; kept over restarts. */
  readonly dir: string
  readonly logFile: string
  /** On 127.0.0.1. The same port may be asked for again after a stop. */
  readonly port: number
  /** Told of the process as soon as there is one, before it is ready. */
  readonly onSpawn?: (spawned: GuardedProcess) => void
}

export interface Service {
  readonly name: ServiceName
  /** Resolves when it answers. Errors: `unavailable` with the end of its log; then no process of it is left. */
  start(context: ServiceContext): Promise<RunningService>
}

export interface RunningService extends GuardedProcess {
  readonly name: ServiceName
  readonly address: string
}

const READY_WITHIN_MS = 60_000
const PROBE_EVERY_MS = 25

export interface Launch {
  readonly command: Omit<GuardedCommand, 'name' | 'logFile'>
  readonly address: string
  /** Resolves if the service answers as it should, rejects otherwise. */
  readonly probe: () => Promise<void>
}

/** Spawns a service under its guard and waits for its first right answer. */
export const launch = async (name: ServiceName, context: ServiceContext, plan: Launch): Promise<RunningService> => {
  const spawned = await spawnGuarded({ ...plan.command, name, logFile: context.logFile })
  context.onSpawn?.(spawned)
  try {
    await untilReady(spawned, plan.probe)
  } catch (error) {
    await spawned.stop()
    throw new SynclineError(
      'unavailable',
      `${SERVICE_TITLES[name]} did not start: ${messageOf(error)}${endOfLog(context.logFile)}`,
      {
        remedy: `The whole log is ${context.logFile}`,
        cause: error,
      },
    )
  }
  return { ...spawned, name, address: plan.address }
}

const untilReady = async (spawned: GuardedProcess, probe: () => Promise<void>): Promise<void> => {
  const deadline = performance.now() + READY_WITHIN_MS
  let exitCode: number | undefined
  void spawned.ended.then((code) => {
    exitCode = code
  })
  for (;;) {
    if (exitCode !== undefined) throw new Error(`it ended with exit code ${exitCode}`)
    try {
      return await probe()
    } catch (error) {
      if (performance.now() > deadline) throw error
    }
    await delay(PROBE_EVERY_MS)
  }
}

const LOG_LINES = 8

const endOfLog = (logFile: string): string => {
  const lines = readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES)
  return lines.join('') === '' ? '' : `\n  ${lines.join('\n  ')}`
}
