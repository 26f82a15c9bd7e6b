// What goes wrong before a run begins is told with the right exit code, and nothing is left half-started.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Installation, newInstallation, until } from './installation.ts'

let installation: Installation
let simulator: Simulator

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 50, latencyMs: 5 })
  await addOrg('acme', simulator.url, simulator.personalToken)
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

const addOrg = (org: string, url: string, credential: string) =>
  installation.cli(['org', 'add', org, '--base-url', url, '--rate', 'none', '--no-schedules', '--pat-stdin'], credential)

const runsOf = async (org: string): Promise<number> => {
  const { rows } = await installation.pool.query<{ n: number }>('select count(*)::int as n from sync.runs where org_id = $1', [
    org,
  ])
  return rows[0]?.n ?? -1
}

test.each([
  ['a refused credential', 'wrong-secret', 'simulator', 'app:wrong', 4, /credential/i],
  ['an address where nobody listens', 'nobody', 'http://127.0.0.1:9', 'app:secret', 1, /127\.0\.0\.1|ECONNREFUSED|connect/i],
  [
    'a host that does not exist',
    'no-host',
    'http://no-such-host.invalid',
    'app:secret',
    1,
    /no-such-host|ENOTFOUND|EAI_AGAIN|DNS/i,
  ],
])('%s is told before the run begins', async (_, org, url, credential, code, words) => {
  await addOrg(org, url === 'simulator' ? simulator.url : url, credential)
  const result = await installation.cli(['sync', '--org', org, '--with-workers'])
  expect(result.code, result.stderr).toBe(code)
  expect(result.stderr).toMatch(words)
  expect(result.stderr).not.toContain(credential)
  expect(await runsOf(org)).toBe(0)
})

test.each([
  ['organisation', ['sync', '--org', 'acne'], /acme/],
  ['entity', ['sync', '--org', 'acme', '--select', 'persn'], /person/],
  ['option', ['sync', '--org', 'acme', '--with-worker'], /--with-workers/],
  ['command', ['snyc'], /sync/],
  ['role', ['worker', 'fetsh'], /fetch/],
  ['adapter', ['org', 'add', 'x', '--adapter', 'pko', '--pat', 'a:b'], /pco/],
])('an unknown %s is a usage error that names the nearest', async (_, args, nearest) => {
  const result = await installation.cli(args)
  expect(result.code, result.stderr).toBe(2)
  expect(result.stderr).toMatch(nearest)
})

test.each([
  ['an id of an organisation', ['org', 'add', 'Not An Id', '--pat', 'a:b']],
  ['a credential', ['org', 'add', 'x', '--pat', 'no-colon']],
  ['a base URL', ['org', 'add', 'x', '--pat', 'a:b', '--base-url', 'ftp://x']],
  ['no credential at all', ['org', 'add', 'x']],
  ['no confirmation of a removal', ['org', 'remove', 'acme']],
])('%s that cannot be used is refused with exit 2', async (_, args) => {
  const result = await installation.cli(args)
  expect(result.code, result.stderr).toBe(2)
  expect(result.stderr).toMatch(/Error: /)
})

test('a second full run is refused with exit 5 and names the holder; cancelling it frees the organisation', async () => {
  const first = await installation.cli(['sync', '--org', 'acme', '--json'])
  expect(first.code, first.stderr).toBe(0)
  const runId = String(first.json[0]?.['runId'])
  const second = await installation.cli(['sync', '--org', 'acme', '--json'])
  expect(second.code).toBe(5)
  expect(second.stderr).toContain(runId)
  expect(second.json.at(-1)).toMatchObject({ type: 'error', code: 'already-running', runId })
  expect((await installation.cli(['org', 'remove', 'acme', '--yes'])).code).toBe(5)
  expect((await installation.cli(['cancel', '--run', runId])).code).toBe(0)
  expect((await installation.cli(['sync', '--org', 'acme', '--with-workers', '--select', 'campus'])).code).toBe(0)
})

test('a credential that is refused while the run is under way fails it with exit 4, and its dependents are skipped', async () => {
  const other = await startSimulator({ people: 2_000, latencyMs: 50, personalTokens: ['app:soon-revoked'] })
  await addOrg('revoked', other.url, 'app:soon-revoked')
  const running = installation.cli(['sync', '--org', 'revoked', '--with-workers', '--json'])
  await until('pages arrive', async () => {
    const { rows } = await installation.pool.query(
      "select from sync.pages join sync.runs using (run_id) where org_id = 'revoked' limit 1",
    )
    return rows.length > 0
  })
  const url = new URL(other.url)
  await other.close()
  const refusing = await startSimulator({ people: 2_000, port: Number(url.port), personalTokens: ['app:another'] })
  try {
    const result = await running
    expect(result.code, result.stderr).toBe(4)
    const line = result.json.at(-1)
    expect(line).toMatchObject({ type: 'run', state: 'failed' })
    const states = ((line?.['entities'] ?? []) as { state: string }[]).map((e) => e.state)
    expect(states).toContain('failed')
    expect(states).toContain('skipped')
    expect(result.stderr).not.toContain('soon-revoked')
  } finally {
    await refusing.close()
  }
})
