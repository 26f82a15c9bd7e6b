// What was accepted and vanished on Kafka before it was used is found and healed: the run ends complete, the tables equal the model.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { adapterByName } from '../../adapters/index.ts'
import { isEqual } from '../../cli/compare.ts'
import type { RoleName } from '../../cli/role-names.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { topicsWithPrefix } from '../../topics/list.ts'
import { openTopicRecords, type TopicRecords } from '../harness/topic-records.ts'
import { type Installation, newInstallation, until } from './installation.ts'
import { stackAddresses } from './support.ts'

const { manifest } = adapterByName('pco')
const ORG = 'vanishing'
const SELECTED = ['person', 'email', 'phone-number', 'address']

let installation: Installation
let simulator: Simulator
let records: TopicRecords

beforeAll(async () => {
  process.env['SYNCLINE_HEAL_AFTER_SECONDS'] = '1'
  installation = await newInstallation()
  simulator = await startSimulator({ people: 1_500 })
  records = await openTopicRecords(stackAddresses().kafka)
})

afterAll(async () => {
  await records?.close()
  await installation?.remove()
  await simulator?.close()
})

const countOf = async (what: string): Promise<number> => {
  const { rows } = await installation.pool.query<{ n: number }>(
    `select count(*)::int as n from sync.runs u join ${what} where u.org_id = $1`,
    [ORG],
  )
  return rows[0]?.n ?? 0
}

const isFetched = async (): Promise<boolean> =>
  (await countOf('sync.pages p on p.run_id = u.run_id and p.accepted')) > 15 &&
  (await countOf(`sync.ranges r on r.run_id = u.run_id and r.state = 'open'`)) === 0

/** `status` says which worker is missing, and since when. */
const saysItWaitsFor = (role: RoleName): Promise<void> =>
  until(`status says that a ${role} worker is missing`, async () => {
    const { json } = await installation.cli(['status', '--org', ORG, '--json'])
    const entities = statusSchema.parse(json.at(-1)).entities
    const wait = entities.find(({ entity }) => entity === 'person')?.waitingFor
    return wait?.what === `a worker: syncline worker ${role}` && wait.since !== null
  })

const statusSchema = z.object({
  entities: z.array(
    z.object({ entity: z.string(), waitingFor: z.object({ what: z.string(), since: z.iso.datetime().nullable() }).nullable() }),
  ),
})

test('what vanished before it was processed is fetched again, what vanished before it was merged is produced again', async () => {
  const topics = topicsWithPrefix(installation.prefix)
  const raw = topics.raw('pco')
  const early = installation.worker('orchestrate', 'fetch')
  await until('the ledger is there', async () => {
    const { rows } = await installation.pool.query<{ there: boolean }>(`select to_regclass('sync.heals') is not null as there`)
    return rows[0]?.there ?? false
  })
  const add = ['org', 'add', '--no-schedules', ORG, '--base-url', simulator.url, '--rate', 'none', '--pat-stdin']
  const added = await installation.cli(add, simulator.personalToken)
  expect(added.code, added.stderr).toBe(0)
  const running = installation.cli(['sync', '--org', ORG, '--select', SELECTED.join(','), '--wait', '--json'])
  await until('all pages are fetched', isFetched)
  await saysItWaitsFor('process')

  await records.empty(raw)
  await until('the range is rewound', () => early.log().includes('page vanished, to be fetched again'))
  const processor = installation.worker('process')
  await until('all pages are fetched and processed', async () => {
    const isProcessed = (await records.committed(topics.group('process'), raw)) === (await records.produced(raw))
    return isProcessed && (await isFetched())
  })
  await saysItWaitsFor('sink')

  await records.empty(topics.canonical('person'))
  await records.empty(topics.canonical('email'))
  const sink = installation.worker('sink')

  const result = await running
  expect(result.code, result.stderr + early.log() + sink.log()).toBe(0)
  expect(result.json.at(-1)).toMatchObject({ type: 'run', state: 'complete' })
  expect(early.log()).toContain('page vanished, produced again')
  const differences = await compareWithModel(installation.pool, manifest, { orgId: ORG, source: 'pco' }, simulator.model)
  const selected = differences.filter(({ entity }) => SELECTED.includes(entity))
  expect(selected.filter((difference) => !isEqual(difference))).toEqual([])
  const runId = String(result.json.at(-1)?.['runId'])
  const verified = await installation.cli(['verify', '--run', runId, '--json'])
  expect(verified.code, verified.stderr).toBe(0)
  const shown = await installation.cli(['show', '--run', runId, '--json'])
  expect(shown.json.at(-1)?.['healed']).toContainEqual(expect.objectContaining({ entity: 'person', page: 0 }))
  expect(await Promise.all([early, processor, sink].map((worker) => worker.stop()))).toEqual([0, 0, 0])
})
