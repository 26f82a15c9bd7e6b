import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { requireSettings, resolveConfig } from '../../../platform/config.ts'

const folder = mkdtempSync(join(tmpdir(), 'syncline-config-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const fileWith = (text: string): string => {
  const file = join(folder, 'syncline.config.json')
  writeFileSync(file, text)
  return file
}
const none = join(folder, 'absent.json')

describe('settings', () => {
  test('come from flags, then environment, then file, then a local stack, then defaults', () => {
    const file = fileWith('{"redisUrl":"redis://file:1"}')
    const local = { redisUrl: 'redis://local:1' }
    const environment = { REDIS_URL: 'redis://env:1' }
    expect(resolveConfig({ flags: { redisUrl: 'redis://flag:1' }, environment, file, local }).redisUrl).toBe('redis://flag:1')
    expect(resolveConfig({ environment, file, local }).redisUrl).toBe('redis://env:1')
    expect(resolveConfig({ environment: {}, file, local }).redisUrl).toBe('redis://file:1')
    expect(resolveConfig({ environment: {}, file: none, local }).redisUrl).toBe('redis://local:1')
    expect(resolveConfig({ environment: {}, file: none })).toMatchObject({ topicPrefix: '', logLevel: 'info' })
  })

  test('with an unknown key in the file are a usage error that names the nearest', () => {
    const resolve = () => resolveConfig({ environment: {}, file: fileWith('{"redisUri":"redis://x:1"}') })
    expect(resolve).toThrow(expect.objectContaining({ code: 'usage', remedy: expect.stringContaining('redisUrl') }))
  })

  test('that are secrets are refused in the file, and their value is not repeated', () => {
    const resolve = () => resolveConfig({ environment: {}, file: fileWith('{"encryptionKey":"hush"}') })
    expect(resolve).toThrow(expect.objectContaining({ code: 'config', message: expect.not.stringContaining('hush') }))
  })

  test('of a wrong form name where they come from', () => {
    const resolve = () => resolveConfig({ environment: { SYNCLINE_KAFKA_BROKERS: 'nowhere' }, file: none })
    expect(resolve).toThrow(
      expect.objectContaining({ code: 'config', message: expect.stringContaining('SYNCLINE_KAFKA_BROKERS') }),
    )
  })

  test('that are missing name both ways to give them', () => {
    expect(() => requireSettings({}, 'databaseUrl')).toThrow(
      expect.objectContaining({ code: 'config', remedy: expect.stringMatching(/syncline up.*SYNCLINE_DATABASE_URL/) }),
    )
  })
})
