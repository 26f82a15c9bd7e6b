// The services of one lab: each shared with the other labs, or its own (so that it can be killed), or behind a proxy, or both.
import { randomBytes } from 'node:crypto'
import { cacheRoot } from '../../local/cache.ts'
import { ensureKafka, ensureRedis } from '../../local/downloads.ts'
import { findJava } from '../../local/java.ts'
import { freePorts } from '../../local/ports.ts'
import { kafka } from '../../local/services/kafka.ts'
import { postgres } from '../../local/services/postgres.ts'
import { redis } from '../../local/services/redis.ts'
import type { StackAddresses } from '../../local/stack.ts'
import type { Environment } from '../harness/installation.ts'
import { type OwnService, ownService } from '../harness/own-service.ts'
import { startProxy, type TcpProxy } from '../harness/proxy.ts'
import { CANARY } from './witnesses.ts'

type Name = keyof StackAddresses

/** The services of a stack, and the vendor's API, which each scene has for itself. */
export type LinkName = Name | 'api'

export interface Links {
  readonly own?: readonly Exclude<Name, 'schemaRegistry'>[]
  readonly proxied?: readonly LinkName[]
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

export const openLinks = async (stack: StackAddresses, { own: owned = [], proxied: all = [] }: Links): Promise<OpenedLinks> => {
  const proxied = all.filter((name) => name !== 'api')
  const own: Partial<Record<Name, OwnService>> = {}
  const proxies: Partial<Record<Name, TcpProxy>> = {}
  let direct = stack
  for (const name of owned) {
    const isProxied = proxied.includes(name)
    const opened = name === 'kafka' && isProxied ? await kafkaBehindProxy() : await serviceAlone(name, isProxied)
    own[name] = opened.service
    if (opened.proxy) proxies[name] = opened.proxy
    direct = { ...direct, [name]: opened.service.url }
  }
  for (const name of proxied) proxies[name] ??= await startProxy(direct[name])
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

interface Opened {
  readonly service: OwnService
  readonly proxy?: TcpProxy
}

const serviceAlone = async (name: Exclude<Name, 'schemaRegistry'>, isProxied: boolean): Promise<Opened> => {
  const service = await ownService(await programOf(name))
  await service.start()
  return isProxied ? { service, proxy: await startProxy(service.url) } : { service }
}

/** A broker tells its clients where it is: the proxy must be there first. */
const kafkaBehindProxy = async (): Promise<Opened> => {
  const [port = 0] = await freePorts(1)
  const proxy = await startProxy(`kafka://127.0.0.1:${port}`)
  const service = await ownService(await kafkaProgram(Number(new URL(proxy.url).port)), port)
  await service.start()
  return { service, proxy }
}

const attempt = { onProgress: () => undefined, signal: new AbortController().signal }

const kafkaProgram = async (advertisedPort?: number) =>
  kafka({
    java: await findJava(),
    libs: await ensureKafka(cacheRoot(), attempt),
    ...(advertisedPort === undefined ? {} : { advertisedPort }),
  })

const programOf = async (name: Exclude<Name, 'schemaRegistry'>) => {
  if (name === 'postgres') return postgres(`${CANARY}${randomBytes(8).toString('hex')}`)
  if (name === 'redis') return redis(await ensureRedis(cacheRoot(), attempt))
  return kafkaProgram()
}
