// SIGKILL of each role while a reconciliation reads and asks after what is gone, every role a process of its own: it ends equal to the
// model, tombstones included, and each deletion is accounted for.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adapterByName } from '../../adapters/index.ts'
import { isEqual } from '../../cli/compare.ts'
import { ROLE_NAMES, type RoleName } from '../../cli/role-names.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Installation, newInstallation, until, type WorkerProcess } from './installation.ts'

const { manifest } = adapterByName('pco')
const PEOPLE = 1_500
const ORG = 'killed'

let installation: Installation
let simulator: Simulator
const workers = new Map<RoleName, WorkerProcess>()
const ended: WorkerProcess[] = []

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: PEOPLE, seed: 5, latencyMs: 25 })
  for (const role of ROLE_NAMES) workers.set(role, installation.worker(role))
  await installation.cli(
    ['org', 'add', '--no-schedules', ORG, '--base-url', simulator.url, '--rate', 'none', '--pat-stdin'],
    simulator.personalToken,
  )
  const full = await installation.cli(['sync', '--org', ORG, '--wait', '--json'])
  expect(full.code, full.stderr).toBe(0)
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

const logs = (): string => [...ended, ...workers.values()].map((worker) => worker.log()).join('')

const countOf = async (sql: string): Promise<number> => {
  const { rows } = await installation.pool.query<{ n: number }>(sql)
  return rows[0]?.n ?? 0
}

const pagesOf = (kind: string): Promise<number> =>
  countOf(`select count(*) as n from sync.pages join sync.ranges r using (run_id, range_id) join sync.runs u using (run_id)
    where u.strategy = 'reconcile' and r.spec -> 'walk' ->> 'kind' = '${kind}'`)

const replace = async (role: RoleName, env: Readonly<Record<string, string>> = {}): Promise<void> => {
  const worker = workers.get(role)
  if (worker !== undefined) ended.push(worker)
  await worker?.kill()
  workers.set(role, installation.workerWith(env, role))
}

/** When the role is in the middle of its work; in the order in which they get there. */
const STRIKES: readonly (readonly [RoleName, string, () => Promise<boolean>])[] = [
  ['orchestrate', 'the walk has begun', async () => (await pagesOf('keyset')) > 2],
  ['fetch', 'people are read', async () => (await pagesOf('keyset')) > 12],
  ['sink', 'ids are recorded', async () => (await countOf('select count(*) as n from sync.seen')) > 300],
  ['process', 'more is read', async () => (await pagesOf('keyset')) > 30],
  ['fetch', 'rows are asked after', async () => (await pagesOf('confirm')) > 10],
  [
    'sink',
    'rows are deleted',
    async () => (await countOf('select count(*) as n from canonical.person where deleted_at is not null')) > 5,
  ],
  ['orchestrate', 'more rows are asked after', async () => (await pagesOf('confirm')) > 60],
  ['process', 'still more are', async () => (await pagesOf('confirm')) > 70],
]

test('a worker of each role is killed in each part of it: the tables equal the model, and each deletion is accounted for', async () => {
  const people = [...simulator.model.rows('person')].map(({ id }) => id)
  const gone = people.filter((_, index) => index % 40 === 7)
  simulator.mutate(
    ...gone.map((id) => ({ op: 'delete' as const, entity: 'person' as const, id })),
    { op: 'merge', entity: 'person', id: people[1] ?? '', into: people[2] ?? '' },
    { op: 'update', entity: 'person', id: people[3] ?? '', attributes: { nickname: 'Marvin' } },
    { op: 'insert', entity: 'person', attributes: { first_name: 'Agrajag' } },
  )
  // It dies between what a walk did not show being taken and the next step, the second time that this happens.
  await replace('orchestrate', { SYNCLINE_FAIL: 'orchestrate.after-reconcile:crash:2' })
  const first = workers.get('orchestrate')
  const running = installation.cli(['sync', '--org', ORG, '--strategy', 'reconcile', '--wait', '--json'])
  for (const [role, when, isBusy] of STRIKES) {
    if (role === 'orchestrate' && first?.isRunning() === true) {
      await until('the orchestrator dies by its failpoint', () => !first.isRunning())
      await replace('orchestrate')
      continue
    }
    await until(when, isBusy)
    await replace(role)
  }
  const result = await running
  expect(result.code, result.stderr + logs()).toBe(0)
  expect(result.json.at(-1)).toMatchObject({ type: 'run', state: 'complete', strategy: 'reconcile' })
  const owner = { orgId: ORG, source: 'pco' }
  const differences = await compareWithModel(installation.pool, manifest, owner, simulator.model)
  expect(differences.filter((each) => !isEqual(each))).toEqual([])
  const deleted = await countOf('select count(*) as n from canonical.person where deleted_at is not null')
  expect(deleted).toBe(gone.length + 1)

  const runId = String(result.json.at(-1)?.['runId'])
  const shown = await installation.cli(['reconcile', 'show', runId, '--json'])
  expect(shown.json.map(({ missing }) => missing)).toEqual(shown.json.map(({ gone: confirmed }) => confirmed))
  const verified = await installation.cli(['verify', '--run', runId, '--json'])
  expect(verified.json.at(-1), verified.stdout).toMatchObject({ verdict: 'closed' })
})
