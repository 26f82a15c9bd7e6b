// `syncline plan` on real services and a simulated API: its numbers before the first run are near what that takes, and after it the same.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type CliResult, type Installation, newInstallation } from './installation.ts'

let installation: Installation
let simulator: Simulator

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 5_000, seed: 7, rate: { limit: 200, periodSeconds: 2 } })
  for (const org of ['acme', 'other']) await addOrg(org, simulator.personalToken)
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

const addOrg = (org: string, credential: string, url = simulator.url) =>
  installation.cli(['org', 'add', org, '--base-url', url, '--no-schedules', '--pat-stdin'], credential)

const plan = (org: string, ...args: readonly string[]) => installation.cli(['plan', '--org', org, '--json', ...args])

const planned = async (org: string, ...args: readonly string[]): Promise<CliResult> => {
  const result = await plan(org, ...args)
  expect(result.code, result.stderr).toBe(0)
  return result
}

const lineOf = ({ json }: CliResult, entity: string) => json.find((line) => line['entity'] === entity)

const callsOf = (lines: unknown): ReadonlyMap<string, number> =>
  // The shape of the lines of `plan --json`, and of the entities in the last one of `sync --json`.
  new Map((lines as { entity: string; calls: number }[]).map(({ entity, calls }) => [entity, calls]))

/** All that a plan could have changed. */
const ledger = async (): Promise<unknown> => {
  const tables = ['runs', 'run_entities', 'ranges', 'pages', 'watermarks', 'schedules', 'audit_log']
  const { rows } = await installation.pool.query(
    `select ${tables.map((name) => `(select count(*) from sync.${name}) as ${name}`).join(', ')}`,
  )
  return rows[0]
}

test('before the first run each entity is counted by one request, and nothing is begun', async () => {
  const before = await ledger()
  const asked = simulator.stats().calls
  const result = await planned('acme')
  expect(lineOf(result, 'person')).toMatchObject({ knownBy: 'count', records: 5_000, ranges: 2, tier: 1 })
  expect(lineOf(result, 'email')).toMatchObject({ knownBy: 'carrier', calls: 0, carrier: 'person' })
  expect(lineOf(result, 'group-membership')).toMatchObject({ walk: 'below each group', records: null })
  // What the API's answers say of its limit, not what is usual.
  expect(result.json.at(-1)).toMatchObject({ type: 'plan', limit: { requests: 200, periodMs: 2_000 }, unknown: [] })
  expect(simulator.stats().calls - asked).toBe(result.json.filter(({ knownBy }) => knownBy === 'count').length)
  expect(await ledger()).toEqual(before)
  const dry = await installation.cli(['sync', '--org', 'acme', '--dry-run', '--json'])
  expect(dry.stdout).toBe(result.stdout)
})

test('the first run takes what was estimated, within a tenth; a plan after it tells what it took', async () => {
  const estimated = await planned('acme')
  const run = await installation.cli(['sync', '--org', 'acme', '--with-workers', '--json'])
  expect(run.code, run.stderr).toBe(0)
  const took = callsOf(run.json.at(-1)?.['entities'])
  for (const [entity, calls] of callsOf(estimated.json.slice(0, -1))) {
    expect(Math.abs(calls - (took.get(entity) ?? 0)), entity).toBeLessThanOrEqual(Math.max(3, (took.get(entity) ?? 0) / 10))
  }
  const asked = simulator.stats().calls
  const after = await planned('acme')
  // One, for the limit.
  expect(simulator.stats().calls - asked).toBe(1)
  expect(callsOf(after.json.slice(0, -1))).toEqual(took)
  expect(lineOf(after, 'person')).toMatchObject({ knownBy: 'history', takesMs: expect.any(Number) })
  expect(after.json.at(-1)).toMatchObject({ limit: { requests: 200, periodMs: 2_000 }, etaMs: expect.any(Number) })
  // Another organisation has none of it.
  expect(lineOf(await planned('other'), 'person')).toMatchObject({ knownBy: 'count' })
})

test('history is of the same strategy, and of what is read in the same way', async () => {
  // Walked by themselves, they were only ever on the pages of people.
  expect(lineOf(await planned('acme', '--select', 'email'), 'email')).toMatchObject({ knownBy: 'count', carrier: null })
  const delta = await planned('acme', '--strategy', 'delta')
  expect(lineOf(delta, 'person')).toMatchObject({ knownBy: 'count', since: expect.any(String), records: 0, calls: 1 })
  // Nobody can tell how far down a walk goes.
  expect(lineOf(delta, 'address')).toMatchObject({ calls: null, unknownBecause: expect.any(String) })
  expect(delta.json.at(-1)).toMatchObject({ unknown: ['address'] })
  expect((await installation.cli(['sync', '--org', 'acme', '--strategy', 'delta', '--with-workers'])).code).toBe(0)
  expect(lineOf(await planned('acme', '--strategy', 'delta'), 'address')).toMatchObject({ knownBy: 'history', calls: 1 })
})

test('a selection is that of a run', async () => {
  const { json } = await planned('acme', '--select', 'group+', '--exclude', 'event')
  expect(json.slice(0, -1).map((line) => line['entity'])).toEqual(['group', 'group-membership'])
})

test.each([
  ['organisation', ['--org', 'acne'], /acme/],
  ['entity', ['--org', 'acme', '--select', '+persn'], /person/],
  ['excluded entity', ['--org', 'acme', '--exclude', 'grup'], /group/],
  ['option', ['--org', 'acme', '--strateg', 'full'], /--strategy/],
  ['strategy', ['--org', 'acme', '--strategy', 'delat'], /delta/],
  ['use of --since', ['--org', 'acme', '--since', '1h'], /--strategy delta/],
  ['selection of nothing', ['--org', 'acme', '--select', 'person', '--exclude', 'person'], /leaves nothing/],
])('a wrong %s is exit 2 and says what to do', async (_, args, words) => {
  const result = await installation.cli(['plan', ...args])
  expect(result.code, result.stderr).toBe(2)
  expect(result.stderr).toMatch(words)
  expect(result.stderr).not.toMatch(/^\s+at /m)
})

test('a refused credential is exit 4; a web page and an address where nobody is are exit 1, with what to look at', async () => {
  await addOrg('locked', 'app:wrong')
  expect((await plan('locked')).code).toBe(4)
  const site = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<html>Sign in</html>')).listen(
    0,
  )
  await once(site, 'listening')
  // It listens on a port of TCP.
  await addOrg('website', 'app:secret', `http://127.0.0.1:${(site.address() as AddressInfo).port}`)
  const page = await plan('website').finally(() => site.close())
  expect([page.code, page.stderr]).toEqual([1, expect.stringContaining('base URL')])
  await addOrg('nowhere', 'app:secret', 'http://127.0.0.1:9')
  const nobody = await plan('nowhere')
  expect([nobody.code, nobody.stderr]).toEqual([1, expect.stringContaining('base URL')])
})

test('without PostgreSQL it says what to look at', async () => {
  const away = await installation.cli(['plan', '--org', 'acme'], '', { SYNCLINE_DATABASE_URL: 'postgres://127.0.0.1:9/none' })
  expect([away.code, away.stderr]).toEqual([1, expect.stringContaining('Check SYNCLINE_DATABASE_URL')])
})
