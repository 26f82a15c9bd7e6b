import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { armFailpoints, FAIL_SITES, failpoint, parseFaults } from '../../../platform/failpoints.ts'
import { isKafkaAway } from '../../../platform/kafka/client.ts'
import { pause } from '../../../platform/lifecycle.ts'
import { isDatabaseAway } from '../../../platform/postgres.ts'

const root = resolve(import.meta.dirname, '../../..')
const sourcesOf = (folder: string): string =>
  readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts'))
    .map((path) => readFileSync(join(root, folder, path), 'utf8'))
    .join('')

afterEach(() => armFailpoints({}))

test('without SYNCLINE_FAIL a site does nothing, not even an empty promise', () => {
  armFailpoints({})
  expect(failpoint('sink.after-copy')).toBeUndefined()
})

test('a fault acts when its site is reached for the nth time, and only then', async () => {
  armFailpoints({ SYNCLINE_FAIL: 'sink.after-copy:throw:2, process.after-send:lost-response' })
  expect(failpoint('sink.after-copy')).toBeUndefined()
  await expect(failpoint('sink.after-copy')).rejects.toThrow('Failpoint sink.after-copy')
  expect(failpoint('sink.after-copy')).toBeUndefined()
  await expect(failpoint('process.after-send')).rejects.toSatisfy((error) => isKafkaAway(error) && isDatabaseAway(error))
})

test('a lost answer is what its site says it is', async () => {
  armFailpoints({ SYNCLINE_FAIL: 'fetch.after-response:lost-response' })
  await expect(failpoint('fetch.after-response', () => new Error('reset by peer'))).rejects.toThrow('reset by peer')
})

test('a hold ends with SIGUSR2', async () => {
  armFailpoints({ SYNCLINE_FAIL: 'sink.after-merge:hold' })
  const held = failpoint('sink.after-merge')
  process.kill(process.pid, 'SIGUSR2')
  await held
})

test('a crash is a SIGKILL to itself, and nothing after it is reached', async () => {
  const kill = vi.spyOn(process, 'kill').mockReturnValue(true)
  armFailpoints({ SYNCLINE_FAIL: 'sink.after-merge:crash' })
  const goneOn = await Promise.race([failpoint('sink.after-merge')?.then(() => 'went on'), pause(20)])
  expect(kill.mock.calls).toEqual([[process.pid, 'SIGKILL']])
  expect(goneOn).toBeUndefined()
  kill.mockRestore()
})

test.each([
  ['sink.after-cpoy:crash', /sink\.after-copy/],
  ['sink.after-copy:crahs', /crash/],
  ['sink.after-copy:crash:0', /sink\.after-copy:crash:3/],
  ['sink.after-copy:crash:1:2', /sink\.after-copy:crash:3/],
])('%s is refused with the nearest that is right', (text, remedy) => {
  expect(() => parseFaults(text)).toThrow(expect.objectContaining({ code: 'usage', remedy: expect.stringMatching(remedy) }))
})

test('production refuses failpoints unless they are meant', () => {
  const production = { NODE_ENV: 'production', SYNCLINE_FAIL: 'sink.after-copy:throw' }
  expect(() => armFailpoints(production)).toThrow(expect.objectContaining({ code: 'config' }))
  armFailpoints({ ...production, SYNCLINE_FAIL_ALLOW: '1' })
  armFailpoints({ NODE_ENV: 'production' })
})

test('every site of the list stands in the code once', () => {
  const code = ['producers', 'processors', 'sinks', 'orchestrator', 'cli'].map(sourcesOf).join('')
  expect(FAIL_SITES.map((site) => [site, code.split(`failpoint('${site}'`).length - 1])).toEqual(
    FAIL_SITES.map((site) => [site, 1]),
  )
})
