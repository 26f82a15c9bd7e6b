// The four services as containers of docker-compose.kafka.yml, for one home: its secrets, a project name of its own, free ports of this
// machine. A file in the home says which ports, for as long as the containers are meant to be there; their data stays in volumes.
import { createHash } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { z } from 'zod'
import { SynclineError } from '../platform/errors.ts'
import { type GivenAddresses, SERVICE_NAMES, type ServiceName, type StackAddresses } from './addresses.ts'
import type { Attempt } from './attempt.ts'
import { type DockerCall, runDocker } from './docker.ts'
import { ensureEncryptionKey, ensureHome, ensurePostgresPassword, pathsIn } from './home.ts'
import { freePorts } from './ports.ts'

type Environment = DockerCall['environment']

const PortsSchema = z.record(z.enum(SERVICE_NAMES), z.int().positive()).readonly()
type Ports = z.infer<typeof PortsSchema>

/** As the compose file names the services and the variables of their ports. */
export const IN_COMPOSE: Readonly<Record<ServiceName, { readonly service: string; readonly port: string }>> = {
  postgres: { service: 'postgres', port: 'POSTGRES_PORT' },
  kafka: { service: 'kafka', port: 'KAFKA_PORT' },
  redis: { service: 'redis', port: 'REDIS_PORT' },
  schemaRegistry: { service: 'schema-registry', port: 'SCHEMA_REGISTRY_PORT' },
}

const LAST_LINES = 6
const READY_WITHIN_S = 180

/** Where they are or will be, if they are meant to be there. */
export const findContainers = (home: string): StackAddresses | undefined => {
  const ports = readPorts(home)
  return ports === undefined ? undefined : addressesOf(home, ports)
}

/** Resolves when all that are not given answer; what is up stays as it is. Errors: `unavailable`, and then nothing that it began is left. */
export const startContainers = async (
  home: string,
  given: GivenAddresses,
  environment: Environment,
  { onProgress, signal }: Attempt,
): Promise<StackAddresses> => {
  const services = SERVICE_NAMES.filter((name) => given[name] === undefined).map((name) => IN_COMPOSE[name].service)
  const known = readPorts(home)
  const ports = known ?? (await choosePorts())
  ensureHome(home)
  writeFileSync(pathsIn(home).containers, `${JSON.stringify(ports)}\n`)
  const said: string[] = []
  const onLine = (line: string) => {
    said.push(line.trim())
    onProgress(line.trim())
  }
  const up = ['up', '--detach', '--wait', '--wait-timeout', String(READY_WITHIN_S), ...services]
  try {
    const code = await runDocker({ ...composeCall(home, ports, environment, up), signal, onLine })
    if (code !== 0) throw didNotStart(home, said)
  } catch (error) {
    // What was there before stays, for another try.
    if (known === undefined) await stopContainers(home, environment).catch(() => undefined)
    throw error
  }
  return addressesOf(home, ports)
}

/** Removes the containers and keeps their volumes. Resolves with whether they were meant to be there. */
export const stopContainers = async (home: string, environment: Environment = process.env): Promise<boolean> => {
  const ports = readPorts(home)
  if (ports === undefined) return false
  const said: string[] = []
  const down = composeCall(home, ports, environment, ['down'])
  const code = await runDocker({ ...down, onLine: (line) => said.push(line.trim()) })
  if (code !== 0) {
    throw new SynclineError('unavailable', `The containers could not be removed: ${lastOf(said)}`, {
      remedy: `Start Docker, then call \`syncline down\` again; or remove the project ${projectOf(home)} yourself, and ${pathsIn(home).containers}`,
    })
  }
  rmSync(pathsIn(home).containers, { force: true })
  return true
}

/** Resolves when the containers have stopped, whoever stopped them. */
export const containersEnded = async (home: string, environment: Environment): Promise<void> => {
  const ports = readPorts(home)
  if (ports !== undefined) await runDocker(composeCall(home, ports, environment, ['logs', '--follow', '--tail', '0']))
}

const composeFile = (): string =>
  join(dirname(createRequire(import.meta.url).resolve('syncline/package.json')), 'docker-compose.kafka.yml')

/** Of the folder, because volumes that were made with the secrets of one home cannot be read with those of another. */
const projectOf = (home: string): string => `syncline-${createHash('sha256').update(resolve(home)).digest('hex').slice(0, 8)}`

const composeCall = (home: string, ports: Ports, environment: Environment, args: readonly string[]): DockerCall => ({
  args: ['compose', '--file', composeFile(), '--project-name', projectOf(home), ...args],
  environment: {
    ...environment,
    ...Object.fromEntries(SERVICE_NAMES.map((name) => [IN_COMPOSE[name].port, String(ports[name])])),
    POSTGRES_PASSWORD: ensurePostgresPassword(home),
    SYNCLINE_ENCRYPTION_KEY: ensureEncryptionKey(home),
  },
})

const addressesOf = (home: string, ports: Ports): StackAddresses => ({
  postgres: `postgres://syncline:${ensurePostgresPassword(home)}@127.0.0.1:${ports.postgres}/syncline`,
  kafka: `127.0.0.1:${ports.kafka}`,
  redis: `redis://127.0.0.1:${ports.redis}`,
  schemaRegistry: `http://127.0.0.1:${ports.schemaRegistry}/apis/ccompat/v7`,
})

const choosePorts = async (): Promise<Ports> => {
  const free = await freePorts(SERVICE_NAMES.length)
  return PortsSchema.parse(Object.fromEntries(SERVICE_NAMES.map((name, index) => [name, free[index]])))
}

/** What cannot be read counts as nothing. */
const readPorts = (home: string): Ports | undefined => {
  try {
    return PortsSchema.parse(JSON.parse(readFileSync(pathsIn(home).containers, 'utf8')))
  } catch {
    return undefined
  }
}

const lastOf = (said: readonly string[]): string => said.slice(-LAST_LINES).join('\n  ') || 'Docker gave no reason'

const didNotStart = (home: string, said: readonly string[]): SynclineError =>
  new SynclineError('unavailable', `The services did not come up in containers: ${lastOf(said)}`, {
    remedy: `Mend what it names, then call \`syncline up\` again; their data is in the volumes of the project ${projectOf(home)}`,
  })
