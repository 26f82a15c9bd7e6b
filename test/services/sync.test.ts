// The main job on the real services: recorded and simulated organisations end in the tables, row by row.
import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adapterByName } from '../../adapters/index.ts'
import { isEqual } from '../../cli/compare.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import { createKafka } from '../../platform/kafka/client.ts'
import { type Batch, createConsumer } from '../../platform/kafka/consumer.ts'
import { silentLogger } from '../../platform/logger.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { syncEventSchema } from '../../topics/events.ts'
import { type Installation, newInstallation, until } from './installation.ts'
import { stackAddresses } from './support.ts'

const { manifest } = adapterByName('pco')
const READ = manifest.definitions.filter(({ strategies }) => strategies.full !== 'none').map(({ entity }) => entity)
const RECORDED = fileURLToPath(new URL('../data/pco/', import.meta.url))

let installation: Installation
const simulators: Simulator[] = []

beforeAll(async () => {
  installation = await newInstallation()
})

afterAll(async () => {
  await installation?.remove()
  await Promise.all(simulators.map((simulator) => simulator.close()))
})

const simulate = async (options: Parameters<typeof startSimulator>[0]): Promise<Simulator> => {
  const simulator = await startSimulator(options)
  simulators.push(simulator)
  return simulator
}

const addOrg = async (org: string, simulator: Simulator): Promise<void> => {
  const { code, stderr } = await installation.cli(
    ['org', 'add', '--no-schedules', org, '--base-url', simulator.url, '--rate', 'none', '--pat-stdin'],
    simulator.personalToken,
  )
  expect(stderr).not.toContain(simulator.personalToken)
  expect(code).toBe(0)
}

const syncNow = (org: string, ...args: readonly string[]) =>
  installation.cli(['sync', '--org', org, '--with-workers', '--json', ...args])

const expectEqual = async (org: string, simulator: Simulator): Promise<void> => {
  const differences = await compareWithModel(installation.pool, manifest, { orgId: org, source: 'pco' }, simulator.model)
  expect(differences.filter((difference) => !isEqual(difference))).toEqual([])
}

interface EntityLine {
  readonly entity: string
  readonly state: string
  readonly merged: number
  readonly unchanged: number
  readonly fetched: number
  readonly parked: number
  readonly dead: number
  readonly stale: number
}

// The shape of the last line of `sync --json`; a wrong one fails the expectations on it.
const entitiesOf = (result: { json: readonly Record<string, unknown>[] }) =>
  (result.json.at(-1)?.['entities'] ?? []) as EntityLine[]

describe('recorded exchanges', () => {
  test('the recorded organisation ends in the tables as it was recorded', async () => {
    const from = readdirSync(RECORDED)
      .filter((name) => name.endsWith('.json'))
      .map((name) => `${RECORDED}${name}`)
    const simulator = await simulate({ from })
    await addOrg('recorded', simulator)
    const result = await syncNow('recorded')
    expect(result.json.at(-1)).toMatchObject({ type: 'run', state: 'complete' })
    expect(result.code, result.stderr).toBe(0)
    await expectEqual('recorded', simulator)
    const events = (await readTopic(`${installation.prefix}sync.events`)).map((value) =>
      syncEventSchema.parse(JSON.parse(value.toString())),
    )
    // A fact may come twice: a send that is repeated writes again.
    const states = new Set(events.flatMap((event) => (event.type === 'run' ? [event.state] : [])))
    expect([...states]).toEqual(['running', 'complete'])
    const closed = new Set(events.flatMap((event) => (event.type === 'entity' && event.state === 'closed' ? [event.entity] : [])))
    expect([...closed].sort()).toEqual([...READ].sort())
    const { rows } = await installation.pool.query(
      `select p.first_name, p.created_at, e.address from canonical.person p
       join canonical.email e on (e.org_id, e.person_id) = (p.org_id, p.id)
       where p.org_id = 'recorded' and p.external_id = '45029164'`,
    )
    expect(rows).toEqual([
      { first_name: 'Paul', created_at: new Date('2018-11-25T20:31:31Z'), address: 'paul.revere@mailinator.com' },
    ])
  })
})

describe('a simulated organisation of 8,000 people', () => {
  let simulator: Simulator

  beforeAll(async () => {
    simulator = await simulate({ people: 8_000 })
    await addOrg('church', simulator)
  })

  test('ends in the tables row by row, accounted for record by record', async () => {
    const result = await syncNow('church')
    expect(result.json.at(-1)).toMatchObject({ type: 'run', state: 'complete', org: 'church' })
    expect(result.code, result.stderr).toBe(0)
    for (const e of entitiesOf(result)) {
      expect(e.merged + e.unchanged + e.stale + e.parked + e.dead, e.entity).toBe(e.fetched)
      expect(e.parked + e.dead, e.entity).toBe(0)
    }
    await expectEqual('church', simulator)
  })

  test('a second sync rewrites nothing', async () => {
    const versions = () =>
      installation.pool.query(
        `select 'person' as t, sum(xmin::text::bigint) as versions, max(observed_at) as observed from canonical.person where org_id = 'church'
         union all select 'email', sum(xmin::text::bigint), max(observed_at) from canonical.email where org_id = 'church'
         union all select 'household', sum(xmin::text::bigint), max(observed_at) from canonical.household where org_id = 'church' order by 1`,
      )
    const before = await versions()
    const result = await syncNow('church')
    expect(result.code, result.stderr).toBe(0)
    expect(entitiesOf(result).filter((e) => e.merged + e.stale > 0)).toEqual([])
    expect(entitiesOf(result)).toHaveLength(READ.length)
    expect((await versions()).rows).toEqual(before.rows)
  })

  test('one changed, one added and one bad record end as two rows and one dead letter with the original bytes, exit 3', async () => {
    const [changed] = simulator.model.rows('person')
    const [bad] = simulator.model.rows('email')
    simulator.mutate(
      { op: 'update', entity: 'person', id: changed?.id ?? '', attributes: { nickname: 'Zaphod' } },
      { op: 'insert', entity: 'person', attributes: { first_name: 'Trillian' } },
    )
    const text = `{"type":"Email","id":"${bad?.id}", "attributes":{"primary":12345678901234567890},"relationships":{}}`
    simulator.mutate({ op: 'corrupt', entity: 'email', id: bad?.id ?? '', text })
    const result = await syncNow('church')
    expect(result.code, result.stderr).toBe(3)
    expect(result.json.at(-1)).toMatchObject({ state: 'complete_with_exceptions', reason: '1 dead letter' })
    const byName = new Map(entitiesOf(result).map((e) => [e.entity, e]))
    expect(byName.get('person')).toMatchObject({ merged: 2, state: 'closed' })
    expect(byName.get('email')).toMatchObject({ dead: 1, merged: 0, state: 'closed' })
    const { rows } = await installation.pool.query('select * from sync.dead_letters')
    expect(rows).toMatchObject([
      { org_id: 'church', entity: 'email', external_id: bad?.id, code: 'invalid-record', stage: 'process' },
    ])
    expect(rows[0]?.['reason']).toContain('primary')
    const letters = await readTopic(`${installation.prefix}sync.dead-letters`)
    expect(letters.map(String)).toEqual([text])
  })
})

/** Every value on a topic, to its end as it is now. */
const readTopic = async (topic: string): Promise<Buffer[]> => {
  const kafka = createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger })
  const admin = kafka.admin()
  await admin.connect()
  const offsets = await admin.fetchTopicOffsets(topic)
  await admin.disconnect()
  const total = offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0)
  const values: Buffer[] = []
  const onBatch = (batch: Batch) => values.push(...batch.messages.flatMap((message) => message.value ?? []))
  const consumer = createConsumer(
    kafka,
    { groupId: `${topic}.reader`, topics: [topic], log: silentLogger },
    { onBatch, onAssigned: () => undefined },
  )
  await consumer.start()
  await until(`${total} messages of ${topic}`, () => values.length >= total)
  await consumer.stop()
  return values
}
