// The services of one lab: each shared with the other labs, or its own (so that it can be killed), or behind a proxy, or both.
import { cacheRoot } from '../../local/cache.ts'
import { ensureKafka, ensureRedis } from '../../local/downloads.ts'
import { findJava } from '../../local/java.ts'
import { kafka } from '../../local/services/kafka.ts'
import { postgres } from '../../local/services/postgres.ts'
import { redis } from '../../local/services/redis.ts'
import type { StackAddresses } from '../../local/stack.ts'
import type { Environment } from '../harness/installation.ts'
import { type OwnService, ownService } from '../harness/own-service.ts'
import { startProxy, type TcpProxy } from '../harness/proxy.ts'

type Name = keyof StackAddresses

export interface Links {
  readonly own?: readonly Exclude<Name, 'schemaRegistry'>[]
  readonly proxied?: readonly Name[]
}

export const NO_LINKS: Links = {}

export interface OpenedLinks {
  /** For the harness itself. */
  readonly direct: StackAddresses
  readonly own: Partial<Record<Name, OwnService>>
  readonly proxies: Partial<Record<Name, TcpProxy>>
  /** For workers: the proxies in place of what is behind them. */
  envOf(databaseUrl: string): Environment
  close(): Promise<void>
}

const VARIABLES: Readonly<Record<Name, string>> = {
  kafka: 'SYNCLINE_KAFKA_BROKERS',
  schemaRegistry: 'SYNCLINE_SCHEMA_REGISTRY_URL',
  postgres: 'SYNCLINE_DATABASE_URL',
  redis: 'SYNCLINE_REDIS_URL',
}

export const openLinks = async (stack: StackAddresses, { own: owned = [], proxied = [] }: Links): Promise<OpenedLinks> => {
  const own: Partial<Record<Name, OwnService>> = {}
  const proxies: Partial<Record<Name, TcpProxy>> = {}
  let direct = stack
  for (const name of owned) {
    const service = await ownService(await programOf(name))
    await service.start()
    own[name] = service
    direct = { ...direct, [name]: service.url }
  }
  for (const name of proxied) proxies[name] = await startProxy(urlOf(name, direct[name]))
  return {
    direct,
    own,
    proxies,
    envOf: (databaseUrl) => {
      const env: Record<string, string> = {}
      for (const name of proxied) {
        const url = new URL(proxies[name]?.url ?? '')
        if (name === 'postgres') url.pathname = new URL(databaseUrl).pathname
        env[VARIABLES[name]] = name === 'kafka' ? url.host : url.href
      }
      return env
    },
    close: async () => {
      for (const proxy of Object.values(proxies)) await proxy.close()
      for (const service of Object.values(own)) await service.remove()
    },
  }
}

const urlOf = (name: Name, address: string): string => (name === 'kafka' ? `kafka://${address}` : address)

const programOf = async (name: Exclude<Name, 'schemaRegistry'>) => {
  const attempt = { onProgress: () => undefined, signal: new AbortController().signal }
  if (name === 'postgres') return postgres('faults')
  if (name === 'redis') return redis(await ensureRedis(cacheRoot(), attempt))
  return kafka({ java: await findJava(), libs: await ensureKafka(cacheRoot(), attempt) })
}
