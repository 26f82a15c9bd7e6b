// The compose file through a compose client, where one is installed: it needs no container engine for that.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { SETTINGS } from '../../platform/config.ts'

const CLIENTS = [['docker', 'compose'], ['docker-compose']] as const
const FILE = ['-f', 'docker-compose.kafka.yml']

const runs = ([command, ...args]: readonly [string, ...string[]], more: readonly string[], env = process.env) =>
  spawnSync(command, [...args, ...more], { encoding: 'utf8', env })

const client = CLIENTS.find((each) => runs(each, ['version']).status === 0)
const secrets = { SYNCLINE_ENCRYPTION_KEY: 'a-key', POSTGRES_PASSWORD: 'a-password' }

test('the command line is told where deliveries come, if anybody says it', () => {
  const { services } = parse(readFileSync('docker-compose.kafka.yml', 'utf8'), { merge: true })
  const [name] = SETTINGS.webhooksUrl.variables
  expect(services.cli.environment).toMatchObject({ [name]: `\${${name}:-}`, NODE_ENV: 'production' })
})

describe.skipIf(client === undefined)(
  `the compose file${client === undefined ? ' (skipped: there is no compose client here)' : ''}`,
  () => {
    const config = (env: NodeJS.ProcessEnv, ...args: readonly string[]) =>
      runs(client ?? ['docker-compose'], [...FILE, 'config', ...args], { PATH: process.env['PATH'], ...env })

    test('is one, and has every worker and service', () => {
      const { status, stdout, stderr } = config(secrets, '--services')
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      expect(stdout.trim().split('\n').toSorted()).toEqual(
        expect.arrayContaining([
          'fetch',
          'kafka',
          'kafka-ui',
          'orchestrate',
          'postgres',
          'process',
          'redis',
          'schema-registry',
          'sink',
          'webhooks',
        ]),
      )
    })

    test.each(Object.keys(secrets))('without %s it says how to make one', (name) => {
      const { status, stderr } = config(Object.fromEntries(Object.entries(secrets).filter(([key]) => key !== name)))
      expect(status).not.toBe(0)
      expect(stderr).toContain('openssl rand')
    })

    test('publishes no port beyond this machine', () => {
      const { stdout } = config(secrets)
      const published = [...stdout.matchAll(/^\s+- (\S*:\d+:\d+\/tcp)$/gm)].map(([, port]) => port ?? '')
      expect(published.length).toBeGreaterThan(3)
      expect(published.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
    })
  },
)
