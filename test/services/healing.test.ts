// What was accepted and vanished on Kafka before it was used is found and healed: the run ends complete, the tables equal the model.
import type { Admin } from 'kafkajs'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adapterByName } from '../../adapters/index.ts'
import { isEqual } from '../../cli/compare.ts'
import type { RoleName } from '../../cli/roles.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import { createKafka } from '../../platform/kafka/client.ts'
import { silentLogger } from '../../platform/logger.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { topicsWithPrefix } from '../../topics/list.ts'
import { type Installation, newInstallation, until } from './installation.ts'
import { stackAddresses } from './support.ts'

const { manifest } = adapterByName('pco')
/** Kafka's number for topics among resources; the client's own constant is a value of its module, which only platform/kafka loads. */
const TOPIC_RESOURCE = 2
const SELECTED = ['person', 'email', 'phone-number', 'address']

let installation: Installation
let simulator: Simulator
let admin: Admin

beforeAll(async () => {
  process.env['SYNCLINE_HEAL_AFTER_SECONDS'] = '1'
  installation = await newInstallation()
  simulator = await startSimulator({ people: 1_500 })
  admin = createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger }).admin()
  await admin.connect()
})

afterAll(async () => {
  await admin?.disconnect()
  await installation?.remove()
  await simulator?.close()
})

const countOf = async (org: string, what: string): Promise<number> => {
  const { rows } = await installation.pool.query<{ n: number }>(
    `select count(*)::int as n from sync.runs u join ${what} where u.org_id = $1`,
    [org],
  )
  return rows[0]?.n ?? 0
}

/** Removes all that a topic holds, as retention would. */
const empty = async (topic: string): Promise<void> => {
  const partitions = (await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => ({ partition, offset: high }))
  await admin.deleteTopicRecords({ topic, partitions })
}

/** The same, of a topic that is compacted: brokers delete only where the policy says so. */
const emptyCompacted = async (topic: string): Promise<void> => {
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: [{ type: TOPIC_RESOURCE, name: topic, configNames: ['cleanup.policy', 'min.compaction.lag.ms'] }],
  })
  const before = (resources[0]?.configEntries ?? []).map(({ configName, configValue }) => ({
    name: configName,
    value: configValue,
  }))
  const alter = (configEntries: { name: string; value: string }[]) =>
    admin.alterConfigs({ validateOnly: false, resources: [{ type: TOPIC_RESOURCE, name: topic, configEntries }] })
  await alter([{ name: 'cleanup.policy', value: 'delete' }])
  await empty(topic)
  await alter(before)
}

const committed = async (group: string, topic: string): Promise<bigint> => {
  const [fetched] = await admin.fetchOffsets({ groupId: group, topics: [topic] })
  return (fetched?.partitions ?? []).reduce((sum, { offset }) => (BigInt(offset) < 0n ? sum : sum + BigInt(offset)), 0n)
}

const produced = async (topic: string): Promise<bigint> =>
  (await admin.fetchTopicOffsets(topic)).reduce((sum, { high }) => sum + BigInt(high), 0n)

const isFetched = async (org: string): Promise<boolean> =>
  (await countOf(org, 'sync.pages p using (run_id)')) > 15 &&
  (await countOf(org, `sync.ranges r on r.run_id = u.run_id and r.state = 'open'`)) === 0

/** `status` says which worker is missing, and since when. */
const expectWait = async (org: string, late: RoleName): Promise<void> => {
  const status = await installation.cli(['status', '--org', org, '--json'])
  const waitingFor = { for: 'worker', what: `a worker: syncline worker ${late}`, since: expect.stringMatching(/^\d{4}-/) }
  expect(status.json.at(-1)?.['entities']).toContainEqual(expect.objectContaining({ entity: 'person', waitingFor }))
}

interface Case {
  readonly org: string
  /** Does not work until what it should read has vanished. */
  readonly late: RoleName
  readonly others: readonly RoleName[]
  readonly how: 'produced' | 'fetched'
  readonly vanish: () => Promise<void>
}

const cases: readonly Case[] = [
  {
    org: 'raw-gone',
    late: 'process',
    others: ['orchestrate', 'fetch', 'sink'],
    how: 'fetched',
    vanish: () => empty(topicsWithPrefix(installation.prefix).raw('pco')),
  },
  {
    org: 'canonical-gone',
    late: 'sink',
    others: ['orchestrate', 'fetch', 'process'],
    how: 'produced',
    vanish: async () => {
      const topics = topicsWithPrefix(installation.prefix)
      const raw = topics.raw('pco')
      await until(
        'all pages are processed',
        async () => (await committed(topics.group('process'), raw)) === (await produced(raw)),
      )
      await emptyCompacted(topics.canonical('person'))
      await emptyCompacted(topics.canonical('email'))
    },
  },
]

describe.each(cases)('$org', ({ org, late, others, how, vanish }) => {
  test('what vanished is healed, the run completes and the tables equal the model', async () => {
    const workers = [installation.worker(...others)]
    await until('the schema is there', async () => {
      const { rows } = await installation.pool.query<{ there: boolean }>(`select to_regclass('sync.heals') is not null as there`)
      return rows[0]?.there ?? false
    })
    const added = await installation.cli(
      ['org', 'add', org, '--base-url', simulator.url, '--rate', 'none', '--pat-stdin'],
      simulator.personalToken,
    )
    expect(added.code, added.stderr).toBe(0)
    const running = installation.cli(['sync', '--org', org, '--select', SELECTED.join(','), '--wait', '--json'])
    await until('all pages are fetched', () => isFetched(org))
    await expectWait(org, late)
    await vanish()
    workers.push(installation.worker(late))

    const result = await running
    const logs = workers.map((worker) => worker.log()).join('')
    expect(result.code, result.stderr + logs).toBe(0)
    expect(result.json.at(-1)).toMatchObject({ type: 'run', state: 'complete' })
    expect(await countOf(org, 'sync.heals h using (run_id)')).toBeGreaterThan(0)
    expect(logs).toContain(how === 'produced' ? 'page vanished, produced again' : 'page vanished, to be fetched again')
    const differences = await compareWithModel(installation.pool, manifest, { orgId: org, source: 'pco' }, simulator.model)
    const selected = differences.filter(({ entity }) => SELECTED.includes(entity))
    expect(selected.filter((difference) => !isEqual(difference))).toEqual([])
    const verified = await installation.cli(['verify', '--run', String(result.json.at(-1)?.['runId']), '--json'])
    expect(verified.code, verified.stderr).toBe(0)
    await Promise.all(workers.map((worker) => worker.stop()))
  })
})
