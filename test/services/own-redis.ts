// A Redis for one test alone, from the program that the embedded stack uses: empty at each start, it can be killed and come back.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { cacheRoot } from '../../local/cache.ts'
import { ensureRedis } from '../../local/downloads.ts'
import { freePorts } from '../../local/ports.ts'
import type { RunningService } from '../../local/service.ts'
import { redis as redisService } from '../../local/services/redis.ts'

export interface OwnRedis {
  readonly url: string
  /** The process that runs now. */
  pid(): number
  start(): Promise<void>
  /** As `kill -9` would. */
  kill(): Promise<void>
  /** Ends it if it runs, and leaves nothing. */
  remove(): Promise<void>
}

export const ownRedis = async (): Promise<OwnRedis> => {
  const program = await ensureRedis(cacheRoot(), { onProgress: () => undefined, signal: new AbortController().signal })
  const [port = 0] = await freePorts(1)
  const dir = mkdtempSync(join(tmpdir(), 'syncline-redis-'))
  let running: RunningService | undefined
  const pid = (): number => {
    if (running === undefined) throw new Error('This Redis was not started')
    return running.process.pid
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    pid,
    async start() {
      running = await redisService(program).start({ dir, port, logFile: join(dir, 'redis.log') })
    },
    async kill() {
      process.kill(pid(), 'SIGKILL')
      await running?.ended
    },
    async remove() {
      await running?.stop()
      rmSync(dir, { recursive: true })
    },
  }
}
