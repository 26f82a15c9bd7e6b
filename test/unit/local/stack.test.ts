import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { ensureEncryptionKey, ensureHome, pathsIn, stackHome } from '../../../local/home.ts'
import { isAlive, refOf } from '../../../local/processes.ts'
import { findStack, startStack, stopStack } from '../../../local/stack.ts'
import { createRecord, type StackRecord } from '../../../local/state.ts'

let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'syncline-home-'))
})
afterEach(() => rmSync(home, { recursive: true, force: true }))

const addresses = {
  kafka: '127.0.0.1:9092',
  schemaRegistry: 'http://127.0.0.1:8081/apis/ccompat/v7',
  postgres: 'postgres://u:p@127.0.0.1:5432/syncline',
  redis: 'redis://127.0.0.1:6379',
}
const dead = { name: 'supervisor', pid: spawnSync('true').pid, startedAt: '1', stopSignal: 'SIGTERM' } as const
const record = (change: Partial<StackRecord> = {}): StackRecord => ({
  version: 1,
  createdAt: '2026-01-01T00:00:00.000Z',
  supervisor: dead,
  processes: [],
  addresses,
  ...change,
})

const livingRef = (name: string, pid = process.pid) => {
  const ref = refOf(name, pid)
  if (ref === undefined) throw new Error(`There is no process ${pid}`)
  return ref
}

test('with all addresses in the environment nothing is started and no folder is made', async () => {
  const unused = join(home, 'unused')
  const environment = {
    SYNCLINE_KAFKA_BROKERS: addresses.kafka,
    SYNCLINE_SCHEMA_REGISTRY_URL: addresses.schemaRegistry,
    DATABASE_URL: addresses.postgres,
    REDIS_URL: addresses.redis,
    JAVA_HOME: '/nowhere',
  }
  const stack = await startStack({ home: unused, detach: true, environment })
  expect(stack).toMatchObject({ origin: 'given', addresses })
  expect(existsSync(unused)).toBe(false)
})

test('without Java, the error names both ways out, and nothing is left behind', async () => {
  const starting = startStack({ home, detach: true, environment: { JAVA_HOME: '/nowhere' } })
  await expect(starting).rejects.toMatchObject({
    code: 'unavailable',
    remedy: expect.stringMatching(/Java 17.*Maven.*Docker.*SYNCLINE_KAFKA_BROKERS/),
    details: { missing: 'java' },
  })
  expect(readdirSync(home)).toEqual([])
})

test('a state file whose supervisor is dead is removed', async () => {
  createRecord(home, record())
  expect(await findStack(home)).toBeUndefined()
  expect(existsSync(pathsIn(home).state)).toBe(false)
})

test('a recycled pid is not taken for the supervisor', async () => {
  createRecord(home, record({ supervisor: { ...livingRef('supervisor'), startedAt: '1' } }))
  expect(await findStack(home)).toBeUndefined()
  expect(existsSync(pathsIn(home).state)).toBe(false)
})

test('a process that a dead supervisor has left is ended; one that has got its pid since is not', async () => {
  const orphan = spawn('sleep', ['60'])
  const stranger = spawn('sleep', ['60'])
  const ended = once(orphan, 'exit')
  const orphanRef = livingRef('redis', orphan.pid)
  const strangerRef = livingRef('redis', stranger.pid)
  createRecord(home, record({ processes: [orphanRef, { ...strangerRef, startedAt: '1' }] }))
  expect(await stopStack(home)).toBe(false)
  expect(await ended).toEqual([null, 'SIGTERM'])
  expect(isAlive(strangerRef)).toBe(true)
  stranger.kill('SIGKILL')
})

test('a stack that is up is found, and told from one that is still coming up', async () => {
  const supervisor = livingRef('supervisor')
  createRecord(home, record({ supervisor }))
  expect((await findStack(home))?.addresses).toEqual(addresses)
  rmSync(pathsIn(home).state)
  const { addresses: _, ...comingUp } = record({ supervisor })
  createRecord(home, comingUp)
  expect(await findStack(home)).toBeUndefined()
  expect(existsSync(pathsIn(home).state)).toBe(true)
})

test('a state file that cannot be read is removed', async () => {
  writeFileSync(pathsIn(home).state, '{"version":1,')
  expect(await findStack(home)).toBeUndefined()
  expect(readdirSync(home)).toEqual([])
})

test('a home is claimed by one supervisor only', () => {
  expect(createRecord(home, record())).toBe(true)
  expect(createRecord(home, record())).toBe(false)
  expect(statSync(pathsIn(home).state).mode & 0o777).toBe(0o600)
})

test('the encryption key is made once, of 32 bytes, for its owner alone', () => {
  const key = ensureEncryptionKey(home)
  expect(Buffer.from(key, 'base64')).toHaveLength(32)
  expect(ensureEncryptionKey(home)).toBe(key)
  expect(statSync(pathsIn(home).encryptionKey).mode & 0o777).toBe(0o600)
})

test('a home is kept out of version control and is .syncline unless SYNCLINE_HOME says otherwise', () => {
  ensureHome(home)
  expect(readdirSync(home)).toContain('.gitignore')
  expect(stackHome({})).toBe(join(process.cwd(), '.syncline'))
  expect(stackHome({ SYNCLINE_HOME: '/srv/syncline' })).toBe('/srv/syncline')
})
