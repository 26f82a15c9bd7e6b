// The shape that all services share: started with a folder, a log and a port; ready only when it answers in its own protocol.
import { existsSync, readFileSync } from 'node:fs'
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
  /** Told now and then that it is still waited for: a line for people. */
  readonly onProgress?: (message: string) => void
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

export interface Patience {
  readonly withinMs: number
  readonly tellEveryMs: number
}

/** One that dies is seen at once; one that lives may have much to read again, above all Kafka with logs that nobody closed. */
const PATIENCE: Patience = { withinMs: 900_000, tellEveryMs: 15_000 }
const PROBE_EVERY_MS = 25

export interface Launch {
  readonly command: Omit<GuardedCommand, 'name' | 'logFile'>
  readonly address: string
  /** Resolves if the service answers as it should, rejects otherwise. */
  readonly probe: () => Promise<void>
}

/** Spawns a service under its guard and waits for its first right answer. */
export const launch = async (
  name: ServiceName,
  context: ServiceContext,
  plan: Launch,
  patience = PATIENCE,
): Promise<RunningService> => {
  let spawned: GuardedProcess | undefined
  try {
    spawned = await spawnGuarded({ ...plan.command, name, logFile: context.logFile })
    context.onSpawn?.(spawned)
    await untilReady(spawned, plan.probe, patience, (seconds) =>
      context.onProgress?.(`${SERVICE_TITLES[name]} is not ready yet (${seconds} s); what it does: ${context.logFile}`),
    )
  } catch (error) {
    await spawned?.stop()
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

const untilReady = async (
  spawned: GuardedProcess,
  probe: () => Promise<void>,
  { withinMs, tellEveryMs }: Patience,
  tell: (seconds: number) => void,
): Promise<void> => {
  const startedAt = performance.now()
  let toldAt = startedAt
  let exitCode: number | undefined
  void spawned.ended.then((code) => {
    exitCode = code
  })
  for (;;) {
    if (exitCode !== undefined) throw new Error(`it ended with exit code ${exitCode}`)
    try {
      return await probe()
    } catch (error) {
      const now = performance.now()
      if (now - startedAt > withinMs) throw error
      if (now - toldAt > tellEveryMs) {
        tell(Math.round((now - startedAt) / 1000))
        toldAt = now
      }
    }
    await delay(PROBE_EVERY_MS)
  }
}

const LOG_LINES = 8

const endOfLog = (logFile: string): string => {
  const lines = (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '').trimEnd().split('\n').slice(-LOG_LINES)
  return lines.join('') === '' ? '' : `\n  ${lines.join('\n  ')}`
}
