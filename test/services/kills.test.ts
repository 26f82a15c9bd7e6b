// SIGKILL of each role while records flow, every role a process of its own: the run goes on and ends equal to the model.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adapterByName } from '../../adapters/index.ts'
import { isEqual } from '../../cli/compare.ts'
import { ROLE_NAMES, type RoleName } from '../../cli/role-names.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Installation, newInstallation, until, type WorkerProcess } from './installation.ts'

const { manifest } = adapterByName('pco')
const PEOPLE = 3_000

let installation: Installation
let simulator: Simulator
const workers = new Map<RoleName, WorkerProcess>()

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: PEOPLE, latencyMs: 40 })
  for (const role of ROLE_NAMES) workers.set(role, installation.worker(role))
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

const countOf = async (sql: string): Promise<number> => {
  const { rows } = await installation.pool.query<{ n: number }>(sql)
  return rows[0]?.n ?? 0
}

const pagesOf = (org: string) =>
  countOf(`select count(*) as n from sync.pages join sync.runs using (run_id) where org_id = '${org}'`)
const rowsOf = (org: string) => countOf(`select count(*) as n from canonical.person where org_id = '${org}'`)

/** When the role is in the middle of its work, for the run of this organisation; in the order in which they get there. */
const BUSY: readonly (readonly [RoleName, (org: string) => Promise<boolean>])[] = [
  ['orchestrate', async (org) => (await pagesOf(org)) > 3],
  ['fetch', async (org) => (await pagesOf(org)) > 20],
  ['sink', async (org) => (await rowsOf(org)) > 300],
  ['process', async (org) => (await pagesOf(org)) > 60],
]

const addOrg = (org: string) =>
  installation.cli(
    ['org', 'add', '--no-schedules', org, '--base-url', simulator.url, '--rate', 'none', '--pat-stdin'],
    simulator.personalToken,
  )

const differencesOf = async (org: string) => {
  const differences = await compareWithModel(installation.pool, manifest, { orgId: org, source: 'pco' }, simulator.model)
  return differences.filter((difference) => !isEqual(difference))
}

// Each role by itself, again and again, and two of each: the fault cases F2.
test('a worker of each role is killed and replaced: the run completes and the tables equal the model', async () => {
  const org = 'killed'
  const { pool } = installation
  await addOrg(org)
  const running = installation.cli(['sync', '--org', org, '--wait', '--json'])
  for (const [role, isBusy] of BUSY) {
    await until(`${role} is at work`, () => isBusy(org))
    await workers.get(role)?.kill()
    workers.set(role, installation.worker(role))
  }
  const before = await pagesOf(org)

  const result = await running
  expect(result.code, result.stderr + [...workers.values()].map((worker) => worker.log()).join('')).toBe(0)
  expect(result.json.at(-1)).toMatchObject({ type: 'run', state: 'complete' })
  expect(await pagesOf(org)).toBeGreaterThan(before)
  expect(await differencesOf(org)).toEqual([])

  // A killed fetcher costs at most the page in flight of each range it held.
  const { rows } = await pool.query<{ calls: number; pages: number }>(
    `select (select sum(calls) from sync.ranges join sync.runs using (run_id) where org_id = $1)::int as calls,
       (select count(*) from sync.pages join sync.runs using (run_id) where org_id = $1 and accepted)::int as pages`,
    [org],
  )
  expect((rows[0]?.calls ?? 0) - (rows[0]?.pages ?? 0)).toBeLessThanOrEqual(0)
  const verified = await installation.cli(['verify', '--run', String(result.json.at(-1)?.['runId']), '--json'])
  expect(verified.code, verified.stderr).toBe(0)
})

test('connections to PostgreSQL that break again and again cost nothing but time', async () => {
  const org = 'cut-off'
  const { pool } = installation
  await addOrg(org)
  const running = installation.cli(['sync', '--org', org, '--wait', '--json'])
  for (const pages of [5, 30, 60]) {
    await until(`${pages} pages are there`, async () => (await pagesOf(org)) > pages)
    await pool.query(
      'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
    )
  }
  const result = await running
  expect(result.code, result.stderr).toBe(0)
  expect(await differencesOf(org)).toEqual([])
  expect([...workers.values()].map((worker) => worker.log()).join('')).not.toMatch(/"msg":"role crashed"/)
})

test('two orchestrators share the work of one: every run is planned once', async () => {
  const second = installation.worker('orchestrate')
  const orgs = ['twice-a', 'twice-b', 'twice-c']
  for (const org of orgs) await addOrg(org)
  const results = await Promise.all(
    orgs.map((org) => installation.cli(['sync', '--org', org, '--select', 'campus,group', '--wait', '--json'])),
  )
  expect(results.map((result) => result.code)).toEqual([0, 0, 0])
  const { rows } = await installation.pool.query<{ n: number }>(
    `select count(*)::int as n from sync.ranges join sync.runs using (run_id)
     where org_id like 'twice-%' and spec -> 'walk' ->> 'kind' <> 'count' group by run_id`,
  )
  expect(rows.map((row) => row.n)).toEqual([2, 2, 2])
  expect(await second.stop()).toBe(0)
})

test('workers that are told to stop finish and exit with 0', async () => {
  const codes = await Promise.all([...workers.values()].map((worker) => worker.stop()))
  expect(codes).toEqual([0, 0, 0, 0])
})
