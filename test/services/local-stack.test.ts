import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { pathsIn } from '../../local/home.ts'
import { isAlive, type ProcessRef, refOf } from '../../local/processes.ts'
import { findStack, type Stack, startStack, stopStack } from '../../local/stack.ts'
import { isUp, readRecord, type StackState } from '../../local/state.ts'
import { createPool } from '../../platform/postgres.ts'
import { fakeDocker } from '../harness/fake-docker.ts'

// How a stack ends does not depend on which services it has: PostgreSQL and Redis start at once, so they stand for all four here.
const SOME = { ...process.env, SYNCLINE_KAFKA_BROKERS: '127.0.0.1:1', SYNCLINE_SCHEMA_REGISTRY_URL: 'http://127.0.0.1:1' }
for (const name of ['SYNCLINE_DATABASE_URL', 'DATABASE_URL', 'SYNCLINE_REDIS_URL', 'REDIS_URL'])
  Reflect.deleteProperty(SOME, name)
const ALL = { ...SOME, SYNCLINE_KAFKA_BROKERS: '', SYNCLINE_SCHEMA_REGISTRY_URL: '' }
const GONE_WITHIN_MS = 20_000

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'syncline-stack-'))
})
afterEach(async () => {
  await stopStack(home)
  rmSync(home, { recursive: true, force: true })
})

const stateOf = async (): Promise<StackState> => {
  const state = (await findStack(home)) && readRecord(home)
  if (state === undefined || !isUp(state)) throw new Error('No stack is up')
  return state
}

/** A process and all that descend from it. */
const familyOf = (pid: number): ProcessRef[] => {
  const table = execFileSync('ps', ['-eo', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n')
  const rows = table.map((line) => line.trim().split(/\s+/).map(Number))
  const pids = [pid]
  for (const parent of pids) pids.push(...rows.filter(([, ppid]) => ppid === parent).map(([child = 0]) => child))
  return pids.flatMap((each) => refOf('process', each) ?? [])
}

const untilGone = (family: readonly ProcessRef[]): Promise<void> =>
  vi.waitFor(() => expect(family.filter(isAlive)).toEqual([]), { timeout: GONE_WITHIN_MS, interval: 50 })

const PROGRAM = resolve(import.meta.dirname, '../../dist/cli/main.js')

/** `syncline up` in the foreground, as a user runs it; resolves when it has printed its addresses. */
const upInForeground = async (environment: NodeJS.ProcessEnv = SOME): Promise<{ child: ChildProcess; addresses: unknown }> => {
  const child = spawn(process.execPath, [PROGRAM, 'up', '--json'], {
    env: { ...environment, SYNCLINE_HOME: home },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const exit = once(child, 'exit').then(([code]) => Promise.reject(new Error(`\`syncline up\` ended with exit code ${code}`)))
  const [line] = await Promise.race([once(child.stdout, 'data'), exit])
  return { child, addresses: JSON.parse(String(line)) }
}

test('down leaves no process and no state file', async () => {
  await startStack({ home, detach: true, environment: SOME })
  const family = familyOf((await stateOf()).supervisor.pid)
  expect(family.length).toBeGreaterThanOrEqual(5) // the supervisor, and for each service at least its guard and itself
  expect(await stopStack(home)).toBe(true)
  expect(family.filter(isAlive)).toEqual([])
  expect(existsSync(pathsIn(home).state)).toBe(false)
  expect(await stopStack(home)).toBe(false)
})

test('a supervisor that is killed leaves no process behind, and its state file is not believed', async () => {
  await startStack({ home, detach: true, environment: SOME })
  const { supervisor } = await stateOf()
  const family = familyOf(supervisor.pid)
  process.kill(supervisor.pid, 'SIGKILL')
  await untilGone(family)
  expect(existsSync(pathsIn(home).state)).toBe(true)
  expect(await findStack(home)).toBeUndefined()
  expect(existsSync(pathsIn(home).state)).toBe(false)
})

test('services that have lost supervisor and guards are ended by whoever looks next', async () => {
  await startStack({ home, detach: true, environment: SOME })
  const { supervisor, processes } = await stateOf()
  const family = familyOf(supervisor.pid)
  const services = new Set(processes.map(({ pid }) => pid))
  const guards = family.filter(({ pid }) => !services.has(pid) && isShell(pid))
  // None of them is to see another go.
  for (const signal of ['SIGSTOP', 'SIGKILL'] as const) for (const { pid } of [supervisor, ...guards]) process.kill(pid, signal)
  await vi.waitFor(() => expect([supervisor, ...guards].filter(isAlive)).toEqual([]), { timeout: GONE_WITHIN_MS, interval: 50 })
  expect(processes.filter(isAlive)).toEqual(processes)
  expect(await findStack(home)).toBeUndefined()
  await untilGone(family)
})

const isShell = (pid: number): boolean =>
  execFileSync('ps', ['-o', 'args=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('/bin/sh')

test('a second start finds the first, also while that is still coming up', async () => {
  const both = await Promise.all([1, 2].map(() => startStack({ home, detach: true, environment: SOME })))
  expect(both.map(({ origin }) => origin).toSorted()).toEqual(['found', 'started'])
  expect(both[0]?.addresses).toEqual(both[1]?.addresses)
  const third = await startStack({ home, detach: true, environment: SOME })
  expect(third).toMatchObject({ origin: 'found', addresses: both[0]?.addresses })
  await third.stop()
  expect(await findStack(home)).toBeDefined()
})

test('when a service dies, the others are ended and the reason names it and its log', async () => {
  const stack = await startStack({ home, detach: false, environment: SOME })
  const { supervisor, processes } = await stateOf()
  const family = familyOf(supervisor.pid)
  process.kill(processes.find(({ name }) => name === 'redis')?.pid ?? 0, 'SIGKILL')
  const reason = await stack.ended
  expect(reason?.message).toMatch(/^Redis ended by itself .*redis\.log$/)
  await untilGone(family)
  expect(await findStack(home)).toBeUndefined()
})

test('Ctrl-C ends a stack in the foreground and leaves no process', async () => {
  const { child, addresses } = await upInForeground()
  const state = await stateOf()
  expect(addresses).toEqual({ type: 'stack', ...state.addresses })
  const family = familyOf(state.supervisor.pid)
  child.kill('SIGINT')
  expect(await once(child, 'exit')).toEqual([0, null])
  await untilGone(family)
})

test('a stack in the foreground does not outlive a starter that is killed', async () => {
  const { child } = await upInForeground()
  const family = familyOf((await stateOf()).supervisor.pid)
  child.kill('SIGKILL')
  await untilGone(family)
  expect(await findStack(home)).toBeUndefined()
})

test('a start that is called off leaves nothing', async () => {
  const abort = new AbortController()
  const starting = startStack({
    home,
    detach: true,
    environment: SOME,
    signal: abort.signal,
    onProgress: () => abort.abort(new Error('called off')),
  })
  await expect(starting).rejects.toThrow('called off')
  expect(existsSync(pathsIn(home).state)).toBe(false)
})

test('tables, schema ids and the cluster survive down and up, on other ports', async () => {
  const first = await startStack({ home, detach: false, environment: ALL })
  await withPool(first, (pool) => pool.query('create table kept as select 42 as answer'))
  const schemaId = await registerSchema(first)
  const cluster = readFileSync(join(home, 'kafka/data/meta.properties'), 'utf8')
  await first.stop()

  const second = await startStack({ home, detach: false, environment: ALL })
  expect(second.addresses.kafka).not.toBe(first.addresses.kafka)
  const { rows } = await withPool(second, (pool) => pool.query('select answer from kept'))
  expect(rows).toEqual([{ answer: 42 }])
  expect(await registerSchema(second)).toEqual(schemaId)
  expect(readFileSync(join(home, 'kafka/data/meta.properties'), 'utf8')).toBe(cluster)
  await second.stop()
})

test('where only Docker is, up brings containers up until Ctrl-C, or detached until down', async () => {
  const docker = fakeDocker(join(home, 'bin'))
  const environment = { ...ALL, ...docker.environment }
  const { child, addresses } = await upInForeground(environment)
  expect(addresses).toEqual({ type: 'stack', ...(await findStack(home))?.addresses })
  child.kill('SIGINT')
  expect(await once(child, 'exit')).toEqual([0, null])
  expect(docker.isUp()).toBe(false)

  const cli = (...args: readonly string[]) =>
    execFileSync(process.execPath, [PROGRAM, ...args], { env: { ...environment, SYNCLINE_HOME: home }, encoding: 'utf8' })
  expect(cli('up', '--detach')).toContain('SYNCLINE_KAFKA_BROKERS=127.0.0.1:')
  expect(docker.isUp()).toBe(true)
  expect(JSON.parse(cli('down', '--json'))).toEqual({ type: 'down', wasUp: true })
  expect(docker.isUp()).toBe(false)
})

type Pool = ReturnType<typeof createPool>

const withPool = async <T>(stack: Stack, use: (pool: Pool) => Promise<T>): Promise<T> => {
  const pool = createPool({ url: stack.addresses.postgres, max: 1 })
  try {
    return await use(pool)
  } finally {
    await pool.end()
  }
}

const registerSchema = async (stack: Stack): Promise<unknown> => {
  const response = await fetch(`${stack.addresses.schemaRegistry}/subjects/kept-value/versions`, {
    method: 'POST',
    headers: { 'content-type': 'application/vnd.schemaregistry.v1+json' },
    body: JSON.stringify({ schema: '{"type":"record","name":"Kept","fields":[]}' }),
  })
  expect(response.status).toBe(200)
  return response.json()
}
