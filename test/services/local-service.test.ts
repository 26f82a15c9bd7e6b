// How a service is waited for: as long as it lives and patience lasts, with a line now and then; one that dies is not waited for.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isAlive, type ProcessRef } from '../../local/processes.ts'
import { launch, type Patience } from '../../local/service.ts'

let dir: string
const spawned: ProcessRef[] = []
const told: string[] = []

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'syncline-service-'))
  spawned.length = 0
  told.length = 0
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const launched = (script: string, probe: () => Promise<void>, patience?: Patience) =>
  launch(
    'redis',
    {
      dir,
      logFile: join(dir, 'log'),
      port: 1,
      onSpawn: ({ process }) => spawned.push(process),
      onProgress: (message) => told.push(message),
    },
    { command: { command: '/bin/sh', args: ['-c', script], cwd: dir }, address: 'redis://127.0.0.1:1', probe },
    patience,
  )

const notYet = async () => {
  throw new Error('not yet')
}

test('one that takes its time is waited for, and its starter hears of it', async () => {
  const probe = () => (told.length < 3 ? notYet() : Promise.resolve())
  const running = await launched('exec sleep 60', probe, { withinMs: 30_000, tellEveryMs: 50 })
  expect(told).toHaveLength(3)
  expect(told[0]).toMatch(/^Redis is not ready yet \(0 s\); what it does: .*log$/)
  await running.stop()
  expect(spawned.map(isAlive)).toEqual([false])
})

test('one that does not answer in time is given up, with the end of its log, and ended', async () => {
  const patience = { withinMs: 300, tellEveryMs: 60_000 }
  const error = await launched('echo it loads; exec sleep 60', notYet, patience).catch((thrown: unknown) => thrown)
  expect(error).toMatchObject({ code: 'unavailable', remedy: `The whole log is ${join(dir, 'log')}` })
  expect(String(error)).toContain('Redis did not start: not yet\n  it loads')
  expect(spawned.map(isAlive)).toEqual([false])
})

test('one that dies is not waited for, however soon it does', async () => {
  for (const script of ['echo no port left; exit 3', 'echo no port left; sleep 0.2; exit 3'])
    await expect(launched(script, notYet)).rejects.toThrow(/^Redis did not start: it ended .*with exit code 3\n {2}no port left$/)
})
