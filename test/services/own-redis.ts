// A Redis for one test alone, from the program that the embedded stack uses: empty at each start, it can be killed and come back.
import { cacheRoot } from '../../local/cache.ts'
import { ensureRedis } from '../../local/downloads.ts'
import { redis } from '../../local/services/redis.ts'
import { type OwnService, ownService } from '../harness/own-service.ts'

export type OwnRedis = OwnService

export const ownRedis = async (): Promise<OwnRedis> =>
  ownService(redis(await ensureRedis(cacheRoot(), { onProgress: () => undefined, signal: new AbortController().signal })))
