// A source that is connected has webhooks by default, where it is known from where they can be reached; and is connected without them too.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { followConsent } from '../harness/consent.ts'
import { type Front, startFront } from '../harness/front.ts'
import { type Installation, newInstallation, until } from './installation.ts'

const EVENTS = 22
const HOOKS = { SYNCLINE_WEBHOOKS_URL: 'https://hooks.example.org/sync' }

let installation: Installation
let simulator: Simulator
let front: Front

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 5 })
  front = await startFront(simulator.url)
})

afterAll(async () => {
  await installation?.remove()
  await front?.close()
  await simulator?.close()
})

const add = (org: string, url: string, env: Record<string, string>, ...more: readonly string[]) =>
  installation.cli(['org', 'add', org, '--base-url', url, '--json', '--pat-stdin', ...more], simulator.personalToken, env)

const subscribed = (org: string): number =>
  [...simulator.webhooks.subscriptions.values()].filter(({ url }) =>
    url.startsWith(`${HOOKS.SYNCLINE_WEBHOOKS_URL}/webhooks/${org}/pco/`),
  ).length

test('one that is added is subscribed to every event, once', async () => {
  const added = await add('acme', simulator.url, HOOKS)
  expect([added.code, added.json], added.stderr).toMatchObject([0, [{ outcome: 'added', webhooks: 'on' }]])
  expect(subscribed('acme')).toBe(EVENTS)
  expect(await installation.cli(['webhooks', 'list', '--org', 'acme'])).toMatchObject({ code: 0 })
  const again = await add('acme', simulator.url, HOOKS)
  expect(again.json).toMatchObject([{ webhooks: null }])
  expect(subscribed('acme')).toBe(EVENTS)
})

test('one that consents is too', async () => {
  const args = ['org', 'connect', 'church', '--base-url', simulator.url, '--client-id', simulator.app.clientId]
  const secret = { SYNCLINE_OAUTH_CLIENT_SECRET: simulator.app.clientSecret }
  const command = installation.begin([...args, '--listen', '127.0.0.1:0', '--json'], '', { ...HOOKS, ...secret })
  await until('it waits for the callback', () => command.stdout().includes('\n'))
  await fetch(await followConsent(JSON.parse(command.stdout().split('\n')[0] ?? '').url))
  const { code, json, stderr } = await command.ended
  expect([code, json.at(-1)], stderr).toMatchObject([0, { outcome: 'added', webhooks: 'on' }])
  expect(subscribed('church')).toBe(EVENTS)
})

test('one whose API refuses is connected all the same, and the command that is named then makes them', async () => {
  front.refuse(/^\/webhooks\//)
  const added = await add('shut-out', front.url, HOOKS)
  expect([added.code, added.json], added.stderr).toMatchObject([0, [{ outcome: 'added', webhooks: 'failed' }]])
  expect(added.stderr).toMatch(/could not be switched on: .*403|permission/i)
  expect(await installation.cli(['schedule', 'list', '--org', 'shut-out', '--json'])).toMatchObject({
    json: [{ org: 'shut-out' }, { org: 'shut-out' }],
  })
  front.refuse(null)
  const [, next = ''] = /syncline (webhooks ensure .*)/.exec(added.stderr) ?? []
  expect(await installation.cli(next.split(' '), '', HOOKS)).toMatchObject({ code: 0 })
  expect(subscribed('shut-out')).toBe(EVENTS)
})

test('without an address, or with nothing by itself, there are none; ensure then asks for the address', async () => {
  expect((await add('quiet', simulator.url, HOOKS, '--no-schedules')).json).toMatchObject([{ webhooks: null }])
  expect((await add('alone', simulator.url, {})).json).toMatchObject([{ webhooks: null }])
  expect([subscribed('quiet'), subscribed('alone')]).toEqual([0, 0])
  const { code, stderr } = await installation.cli(['webhooks', 'ensure', '--org', 'alone'])
  expect(code).toBe(2)
  expect(stderr).toContain('SYNCLINE_WEBHOOKS_URL')
})
