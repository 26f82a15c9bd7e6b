// Starts the services of a plan, all at once, and ends them in reverse order. Knows nothing of state files or of who asked.
import { mkdirSync } from 'node:fs'
import { completeAddresses, SERVICE_NAMES, SERVICE_TITLES, type ServiceName, type StackAddresses } from './addresses.ts'
import type { GuardedProcess } from './guard.ts'
import { ensurePostgresPassword, pathsIn } from './home.ts'
import { freePorts } from './ports.ts'
import type { Plan } from './protocol.ts'
import type { RunningService, Service, ServiceContext } from './service.ts'
import { kafka } from './services/kafka.ts'
import { DATABASES, POSTGRES_USER, postgres } from './services/postgres.ts'
import { redis } from './services/redis.ts'
import { type RegistryDatabase, schemaRegistry } from './services/schema-registry.ts'

export interface Services {
  /** Resolves when all answer; rejects with the first failure. Processes started so far stay until `stop`. */
  readonly ready: Promise<StackAddresses>
  /** Ends all, the last started first; resolves when they are gone. */
  stop(): Promise<void>
}

export interface ServicesEvents {
  onSpawn(spawned: GuardedProcess): void
  onProgress(message: string): void
  /** A service has ended that nobody stopped. */
  onDeath(message: string): void
}

export const startServices = (plan: Plan, events: ServicesEvents): Services => {
  const spawned: GuardedProcess[] = []
  let stopping = false
  const begun = beginAll(plan, {
    onSpawn: (process) => {
      // One that comes up just after the stop is ended at once.
      if (stopping) void process.stop()
      spawned.push(process)
      events.onSpawn(process)
    },
    onProgress: events.onProgress,
    onDeath: (message) => {
      if (!stopping) events.onDeath(message)
    },
  })
  return {
    ready: begun.then(async (services) => addressesOf(plan, await Promise.all(services))),
    stop: async () => {
      stopping = true
      for (const process of spawned.toReversed()) await process.stop()
      // What was not yet spawned (a cluster being initialised, say) is ended as soon as it is.
      await Promise.allSettled(await begun.catch(() => []))
    },
  }
}

/** Resolves with the services, each a promise of its first right answer. */
const beginAll = async (plan: Plan, events: ServicesEvents): Promise<readonly Promise<RunningService>[]> => {
  const startedMs = performance.now()
  const ports = await freePorts(SERVICE_NAMES.length)
  const begin = async (service: Service, port: number): Promise<RunningService> => {
    const running = await service.start(contextOf(plan, service.name, port, events))
    events.onProgress(`${SERVICE_TITLES[service.name]} is ready (${((performance.now() - startedMs) / 1000).toFixed(1)} s)`)
    void running.ended.then((code) => events.onDeath(deathOf(plan, service.name, code)))
    return running
  }
  const started = new Map<ServiceName, Promise<RunningService>>()
  for (const [index, service] of servicesOf(plan, (name) => started.get(name)).entries()) {
    started.set(service.name, begin(service, ports[index] ?? 0))
  }
  return [...started.values()]
}

const contextOf = (plan: Plan, name: ServiceName, port: number, { onSpawn, onProgress }: ServicesEvents): ServiceContext => {
  const paths = pathsIn(plan.home)
  const dir = paths.dataDir(name)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  return { dir, port, logFile: paths.logFile(name), onSpawn, onProgress }
}

const deathOf = (plan: Plan, name: ServiceName, exitCode: number): string =>
  `${SERVICE_TITLES[name]} ended by itself with exit code ${exitCode}; its log is ${pathsIn(plan.home).logFile(name)}`

const addressesOf = (plan: Plan, running: readonly RunningService[]): StackAddresses => {
  const own = Object.fromEntries(running.map(({ name, address }) => [name, address]))
  const all = completeAddresses({ ...own, ...plan.given })
  if (all === undefined) throw new TypeError('The plan names no program for a service that it wants started')
  return all
}

/** The services to start, PostgreSQL before the registry, which waits for it. */
const servicesOf = (plan: Plan, started: (name: ServiceName) => Promise<RunningService> | undefined): Service[] => {
  const { given, java, kafkaLibs, registryJar, redisServer } = plan
  const services: Service[] = []
  if (given.postgres === undefined) services.push(postgres(ensurePostgresPassword(plan.home)))
  if (given.kafka === undefined && java && kafkaLibs) services.push(kafka({ java, libs: kafkaLibs }))
  if (given.redis === undefined && redisServer) services.push(redis(redisServer))
  if (given.schemaRegistry === undefined && java && registryJar) {
    services.push(schemaRegistry({ java, jar: registryJar, database: async () => registryDatabase(await started('postgres')) }))
  }
  return services
}

const registryDatabase = (running: RunningService | undefined): RegistryDatabase | undefined => {
  if (running === undefined) return undefined
  const { hostname, port, password } = new URL(running.address)
  return { host: hostname, port: Number(port), database: DATABASES.registry, user: POSTGRES_USER, password }
}
