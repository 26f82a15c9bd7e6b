// A service for one test alone, of those that the embedded stack is made of: it can be killed and comes back at the same address.
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePorts } from '../../local/ports.ts'
import type { RunningService, Service } from '../../local/service.ts'

export interface OwnService {
  /** As the stack tells it: a URL, or host:port for Kafka. Known once it was started. */
  readonly url: string
  /** The process that runs now. */
  pid(): number
  start(): Promise<void>
  /** As `kill -9` would, or with another signal; resolves when it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** In good order, as far as the service knows one: what it has on disk stays. */
  stop(): Promise<void>
  /** Ends it if it runs, and leaves nothing. */
  remove(): Promise<void>
}

/** `port`: where it listens; any free one unless given. */
export const ownService = async (service: Service, port?: number): Promise<OwnService> => {
  return serviceOn(service, port ?? (await freePorts(1))[0] ?? 0)
}

const serviceOn = (service: Service, port: number): OwnService => {
  const dir = mkdtempSync(join(tmpdir(), `syncline-${service.name}-`))
  // PostgreSQL runs as another user when we are root: it may pass through.
  chmodSync(dir, 0o711)
  let running: RunningService | undefined
  const now = (): RunningService => {
    if (running === undefined) throw new Error(`This ${service.name} was not started`)
    return running
  }
  return {
    get url() {
      return running?.address ?? `${service.name}://127.0.0.1:${port}`
    },
    pid: () => now().process.pid,
    start: async () => {
      running = await service.start({ dir, port, logFile: join(dir, `${service.name}.log`) })
    },
    kill: async (signal = 'SIGKILL') => {
      process.kill(now().process.pid, signal)
      await now().ended
    },
    stop: () => now().stop(),
    remove: async () => {
      await running?.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
