// How the services come up in containers, by what `docker` is called with: a fake one, because there is no engine where this runs.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parse } from 'yaml'
import { bringUp } from '../../../local/bring-up.ts'
import { IN_COMPOSE, stopContainers } from '../../../local/containers.ts'
import { ensureEncryptionKey, ensurePostgresPassword, pathsIn } from '../../../local/home.ts'
import { findStack } from '../../../local/stack.ts'
import { type FakeDocker, fakeDocker } from '../../harness/fake-docker.ts'

const UP = 'compose up --detach --wait --wait-timeout 180 postgres kafka redis schema-registry'

let folder: string
let home: string
let docker: FakeDocker
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'syncline-containers-'))
  home = join(folder, 'home')
  docker = fakeDocker(join(folder, 'bin'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const up = (options: Partial<Parameters<typeof bringUp>[0]> = {}) =>
  bringUp({ home, detach: true, environment: docker.environment, ...options })

test('without Java the services come up in containers, with the secrets of the home, and it is said why', async () => {
  const said: string[] = []
  const stack = await up({ onProgress: (line) => said.push(line) })
  expect(stack.origin).toBe('started')
  expect(docker.calls()).toEqual(['compose version', 'info', UP])
  expect(docker.variable('POSTGRES_PASSWORD')).toBe(ensurePostgresPassword(home))
  expect(docker.variable('SYNCLINE_ENCRYPTION_KEY')).toBe(ensureEncryptionKey(home))
  expect(said[0]).toMatch(/need Java 17.*does not run: the services come up in containers/)
  expect(said).toContain('Container syncline-kafka-1  Healthy')
})

test('their addresses are the ports that Compose was told, and other commands find them', async () => {
  const { addresses } = await up()
  expect(addresses).toEqual({
    kafka: `127.0.0.1:${docker.variable('KAFKA_PORT')}`,
    schemaRegistry: `http://127.0.0.1:${docker.variable('SCHEMA_REGISTRY_PORT')}/apis/ccompat/v7`,
    postgres: `postgres://syncline:${ensurePostgresPassword(home)}@127.0.0.1:${docker.variable('POSTGRES_PORT')}/syncline`,
    redis: `redis://127.0.0.1:${docker.variable('REDIS_PORT')}`,
  })
  expect(new Set(Object.values(IN_COMPOSE).map(({ port }) => docker.variable(port))).size).toBe(4)
  expect(await findStack(home)).toEqual({ addresses })
})

test('the compose file has each service under its name, at the port of its variable', () => {
  const { services } = parse(readFileSync('docker-compose.kafka.yml', 'utf8'), { merge: true })
  for (const { service, port } of Object.values(IN_COMPOSE)) {
    expect(services[service].ports).toEqual([expect.stringMatching(new RegExp(`^127\\.0\\.0\\.1:\\$\\{${port}:-\\d+\\}:\\d+$`))])
  }
  expect(services.kafka.environment.KAFKA_ADVERTISED_LISTENERS).toContain(services.kafka.ports[0].split(':29092')[0])
})

test('a service whose address is given is not started', async () => {
  const given = { SYNCLINE_DATABASE_URL: 'postgres://u:p@db/x', SYNCLINE_REDIS_URL: 'redis://cache:1' }
  const { addresses } = await up({ environment: { ...docker.environment, ...given } })
  expect(docker.calls().at(-1)).toBe(UP.replace('postgres ', '').replace('redis ', ''))
  expect(addresses).toMatchObject({ postgres: given.SYNCLINE_DATABASE_URL, redis: given.SYNCLINE_REDIS_URL })
})

test('a second start keeps ports and containers, and stopping it leaves them to the first', async () => {
  const first = await up()
  const second = await up()
  expect(second).toMatchObject({ origin: 'found', addresses: first.addresses })
  await second.stop()
  expect(docker.calls().filter((call) => call !== UP)).toEqual(['compose version', 'info'])
  expect(docker.isUp()).toBe(true)
})

test('down removes the containers, not their volumes, and nothing finds them any more', async () => {
  await up()
  expect(await stopContainers(home, docker.environment)).toBe(true)
  expect(docker.calls().at(-1)).toBe('compose down')
  expect(await findStack(home)).toBeUndefined()
  expect(await stopContainers(home, docker.environment)).toBe(false)
})

test('in the foreground it lasts as long as the containers, and ends with them', async () => {
  const stack = await up({ detach: false })
  await stack.stop()
  expect(await stack.ended).toBeUndefined()
  expect(docker.isUp()).toBe(false)
})

test('when they do not come up, the error has the reason of Docker, and nothing is left', async () => {
  docker.begin('port-taken')
  await expect(up()).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringContaining('port is already allocated'),
    remedy: expect.stringContaining('syncline up'),
  })
  expect(docker.calls().at(-1)).toBe('compose down')
  expect(existsSync(pathsIn(home).containers)).toBe(false)
})

test('a start that is called off leaves no containers', async () => {
  const abort = new AbortController()
  const starting = up({ signal: abort.signal, onProgress: (line) => line.includes('Starting') && abort.abort(new Error('off')) })
  await expect(starting).rejects.toThrow('off')
  expect(docker.isUp()).toBe(false)
  expect(existsSync(pathsIn(home).containers)).toBe(false)
})

test('what Docker cannot remove stays on record, and the error says what to do', async () => {
  await up()
  docker.begin('no-daemon')
  await expect(stopContainers(home, docker.environment)).rejects.toMatchObject({
    code: 'unavailable',
    remedy: expect.stringContaining('syncline down'),
  })
  docker.end('no-daemon')
  expect(await stopContainers(home, docker.environment)).toBe(true)
})

test.each(['no-daemon', 'no-compose'] as const)('with %s the error names all ways out, and nothing is made', async (fault) => {
  docker.begin(fault)
  await expect(up()).rejects.toMatchObject({
    code: 'unavailable',
    remedy: expect.stringMatching(/Java 17.*Docker.*SYNCLINE_KAFKA/),
  })
  expect(docker.calls().some((call) => call.includes(' up '))).toBe(false)
  expect(existsSync(home) ? readdirSync(home) : []).toEqual([])
})

test('two homes have projects of their own', async () => {
  const projectsOf = () =>
    readFileSync(join(folder, 'bin', 'calls'), 'utf8')
      .split('\n')
      .flatMap((line) => /--project-name (\S+)/.exec(line)?.[1] ?? [])
  await up()
  await up({ home: join(folder, 'other') })
  expect(new Set(projectsOf()).size).toBe(2)
})
