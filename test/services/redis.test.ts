import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Logger } from '../../platform/logger.ts'
import { silentLogger } from '../../platform/logger.ts'
import { connectRedis, type RedisConnection } from '../../platform/redis.ts'
import { type OwnRedis, ownRedis } from './own-redis.ts'

let server: OwnRedis
const connections: RedisConnection[] = []
beforeEach(async () => {
  server = await ownRedis()
})
afterEach(async () => {
  for (const connection of connections.splice(0)) connection.close()
  await server.remove()
})

/** A connection, and the messages that it logged. */
const connectLogged = async (patienceMs?: number) => {
  const said: string[] = []
  const say = (first: unknown, second?: string) => void said.push(second ?? String(first))
  const logger: Logger = Object.assign(Object.create(silentLogger), { warn: say, info: say })
  const options = { commandTimeoutMs: 300, ...(patienceMs === undefined ? {} : { patienceMs }) }
  const redis = await connectRedis(server.url, logger, options)
  connections.push(redis)
  return { redis, said }
}

const answers = (redis: RedisConnection): Promise<unknown> => redis.call('PING').catch(() => 'nothing')
const cameBack = (redis: RedisConnection) => expect.poll(() => answers(redis), { timeout: 10_000 }).toBe('PONG')
const failsAtOnce = async (redis: RedisConnection): Promise<void> => {
  const before = performance.now()
  await expect(redis.call('PING')).rejects.toMatchObject({ code: 'unavailable' })
  expect(performance.now() - before).toBeLessThan(100)
}

test('a killed Redis is said once to be away and once to be back, commands fail at once meanwhile, and nothing is sent later', async () => {
  await server.start()
  const { redis, said } = await connectLogged()
  expect(said).toEqual([])
  await server.kill()
  await expect.poll(() => said.length).toBe(1)
  for (let i = 0; i < 5; i++) await failsAtOnce(redis)
  await expect(redis.call('SET', 'late', 'yes')).rejects.toMatchObject({ code: 'unavailable' })
  await server.start()
  await cameBack(redis)
  expect(await redis.call('GET', 'late')).toBeNull()
  expect(said).toEqual(['redis is away, reconnecting', 'redis is back'])
})

test('a Redis that is not there yet does not hold up the start, and is used once it is', async () => {
  const { redis, said } = await connectLogged(200)
  await failsAtOnce(redis)
  await server.start()
  await cameBack(redis)
  expect(said).toEqual(['redis is away, reconnecting', 'redis is back'])
})

test('a Redis that hangs makes commands fail within their time-out', async () => {
  await server.start()
  const { redis } = await connectLogged()
  process.kill(server.pid(), 'SIGSTOP')
  const before = performance.now()
  await expect(redis.call('PING')).rejects.toMatchObject({ code: 'unavailable' })
  expect(performance.now() - before).toBeLessThan(600)
  process.kill(server.pid(), 'SIGCONT')
  await cameBack(redis)
})

test('a script that fails, or Redis refusing us, is not taken for Redis being away', async () => {
  await server.start()
  const { redis } = await connectLogged()
  const script = { source: 'return redis.call("NO-SUCH-COMMAND")', sha: '0'.repeat(40) }
  await expect(redis.run(script, [], [])).rejects.toMatchObject({ code: 'internal' })
  await redis.call('ACL', 'SETUSER', 'default', '-get')
  await expect(redis.call('GET', 'x')).rejects.toMatchObject({ code: 'config' })
})

test('a full Redis is taken for away: no permit can be given', async () => {
  await server.start()
  const { redis } = await connectLogged()
  await redis.call('CONFIG', 'SET', 'maxmemory', '1')
  const script = { source: 'return redis.call("SET", KEYS[1], "1")', sha: '0'.repeat(40) }
  await expect(redis.run(script, ['x'], [])).rejects.toMatchObject({ code: 'unavailable' })
})

test('an address that is not one of Redis is refused without repeating it', async () => {
  const address = 'http://user:canary@127.0.0.1'
  await expect(connectRedis(address, silentLogger)).rejects.toMatchObject({
    code: 'config',
    message: expect.not.stringContaining('canary'),
  })
})
