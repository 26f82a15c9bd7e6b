// Dead letters as a working tool: they are found, replayed with their original bytes into the stage where they died, and dropped; the
// ledger of their run closes.
import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adapterByName } from '../../adapters/index.ts'
import { isEqual } from '../../cli/compare.ts'
import { type StateChoice, statesOf } from '../../cli/letter-choice.ts'
import { letterFacts } from '../../cli/letter-lines.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import { findLetters } from '../../ledger/dead-letter-search.ts'
import type { EntityDefinition, Manifest } from '../../manifests/manifest.ts'
import { createKafka } from '../../platform/kafka/client.ts'
import { type ConsumerHandlers, createConsumer } from '../../platform/kafka/consumer.ts'
import { createProducer } from '../../platform/kafka/producer.ts'
import type { Role } from '../../platform/lifecycle.ts'
import { silentLogger } from '../../platform/logger.ts'
import { inThisThread, liveWorkOf, pageWorkOf, type SchemaIds } from '../../processors/page-worker.ts'
import { createProcessor } from '../../processors/processor.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { canonicalEntities } from '../../topics/canonical.ts'
import { topicsWithPrefix } from '../../topics/list.ts'
import { createRegistry, subjectOfTopic } from '../../topics/registry.ts'
import { type Installation, newInstallation, until } from './installation.ts'
import { stackAddresses } from './support.ts'

const { manifest } = adapterByName('pco')
const ORG = 'acme'

let installation: Installation
let simulator: Simulator
let processor: Role | undefined
let runId: string
/** Letters of the run. A record that stands in the seam of two pages died on both. */
let letters: number
/** Entity to the external id of its record that the first mapping does not take. */
const rejected = new Map<string, string>()

/** A mapping with a fault: of each of some entities one record is not taken. */
const faulty = (of: Manifest): Manifest => {
  const spoil = (definition: EntityDefinition): EntityDefinition => ({
    ...definition,
    canonical: {
      ...definition.canonical,
      map: (attributes, record, context) => {
        if (rejected.get(definition.entity) === record.externalId) throw new TypeError('a fault of the mapping')
        return definition.canonical.map(attributes, record, context)
      },
    },
  })
  const spoilt = new Map(of.definitions.map((definition) => [definition.entity, spoil(definition)]))
  const get = (entity: string) => spoilt.get(entity) ?? of.get(entity)
  // The overloads of `get` are narrower than any one function.
  return { ...of, get: get as Manifest['get'] }
}

const startFaultyProcessor = async (): Promise<Role> => {
  const kafka = createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger })
  const topics = topicsWithPrefix(installation.prefix)
  const registry = createRegistry(stackAddresses().schemaRegistry)
  const lane = (group: 'process' | 'live', workOf: typeof pageWorkOf) => ({
    producer: createProducer(kafka),
    openWorker: (schemaIds: SchemaIds) => inThisThread(workOf(topics, [faulty(manifest)], schemaIds)),
    consumer: (names: readonly string[], handlers: ConsumerHandlers) =>
      createConsumer(kafka, { groupId: topics.group(group), topics: names, log: silentLogger }, handlers),
  })
  const role = createProcessor({
    pages: lane('process', pageWorkOf),
    live: lane('live', liveWorkOf),
    topics,
    adapters: [manifest.adapter],
    registerSchemas: () => registry.register(canonicalEntities, (entity) => subjectOfTopic(topics.canonical(entity))),
    log: silentLogger,
  })
  await role.start()
  return role
}

const rowsOf = (entity: Parameters<Simulator['model']['rows']>[0]) => [...simulator.model.rows(entity)]
type Row = ReturnType<typeof rowsOf>[number]

const relatedTo = (row: Row | undefined, name: string): string | undefined => {
  const data = row?.relationships[name]?.data
  return typeof data === 'object' && data !== null && 'id' in data ? data.id : undefined
}
const personOf = (row: Row) => relatedTo(row, 'person')

const topicNames = async (): Promise<readonly string[]> => {
  const admin = createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger }).admin()
  await admin.connect()
  return admin.listTopics().finally(() => admin.disconnect())
}

const dlq = (...args: readonly string[]) => installation.cli(['dlq', ...args])

/** Letters of the register as the list has them, read without the cost of a process. */
const open = async (states: StateChoice = 'open', entity?: string) => {
  const { deadLetters: topic } = topicsWithPrefix(installation.prefix)
  const filter = { topic, states: statesOf(states), ...(entity === undefined ? {} : { entity }) }
  return (await findLetters(installation.pool, filter, 100)).map(letterFacts)
}

/** One letter of this entity as the list has it. */
const letterOf = async (entity: string) => (await open('open', entity))[0]

const dead = async (): Promise<number> => {
  const { rows } = await installation.pool.query('select coalesce(sum(bit_count(dead)), 0)::int as n from sync.landings')
  return rows[0]?.n
}

const settled = () =>
  until('nothing is being replayed', async () => {
    const { rows } = await installation.pool.query("select from sync.dead_letters where state = 'replaying'")
    return rows.length === 0
  })

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 300 })
  const added = ['org', 'add', '--no-schedules', ORG, '--base-url', simulator.url, '--rate', 'none', '--pat-stdin']
  await installation.cli(added, simulator.personalToken)
  // The first worker makes topics and tables.
  const workers = ['orchestrate', 'fetch', 'sink'].map((role) => installation.worker(role))
  await until('there are topics', async () => (await topicNames()).includes(`${installation.prefix}raw.pco`))
  const [one, another] = rowsOf('person')
  const email = rowsOf('email').find((row) => personOf(row) === one?.id)
  const pair = rowsOf('household-membership').find((row) => personOf(row) === one?.id)
  rejected.set('person', another?.id ?? '')
  rejected.set('email', email?.id ?? '')
  rejected.set('household-membership', `${relatedTo(pair, 'household')}:${one?.id}`)
  const [event] = rowsOf('event')
  await installation.pool.query(`alter table canonical.event add constraint a_fault check (external_id <> '${event?.id}')`)
  processor = await startFaultyProcessor()
  const result = await installation.cli(['sync', '--org', ORG, '--wait', '--json'])
  expect(result.code, result.stderr + workers.map((worker) => worker.log()).join('')).toBe(3)
  runId = String(result.json.at(-1)?.['runId'])
  letters = (await open()).length
}, 120_000)

afterAll(async () => {
  await processor?.stop()
  await installation?.remove()
  await simulator?.close()
})

test('they are listed by cause and one by one, and shown with their bytes only when asked for', async () => {
  const listed = await dlq('list', '--run', runId, '--json')
  const causes = listed.json.filter(({ type }) => type === 'dead-letter-cause')
  expect(causes.map(({ entity, stage, code }) => [entity, stage, code]).sort()).toEqual([
    ['email', 'process', 'mapping'],
    ['event', 'sink', 'constraint'],
    ['household-membership', 'process', 'mapping'],
    ['person', 'process', 'mapping'],
  ])
  const { id, externalId } = (await letterOf('email')) ?? {}
  expect(externalId).toBe(rejected.get('email'))
  const raw = await dlq('show', String(id), '--raw')
  expect(raw.code, raw.stderr).toBe(0)
  expect(JSON.parse(raw.stdout)).toMatchObject({ type: 'Email', id: externalId })
  const shown = await dlq('show', String(id), '--json')
  expect(shown.json[0]).toMatchObject({ runId, onKafka: true, keptBytes: Buffer.byteLength(raw.stdout) })
  expect(shown.json[0]?.['sha256']).toBe(createHash('sha256').update(raw.stdout).digest('hex'))
  expect(shown.stdout).not.toContain(JSON.parse(raw.stdout).attributes.address)
  expect((await dlq('show', '0/99999')).code).toBe(2)
  expect((await dlq('list', '--entity', 'emial')).stderr).toContain('email')
})

test('a replay that fails again is one new letter for that record, and the record stays dead', async () => {
  const { id } = (await letterOf('email')) ?? {}
  expect((await dlq('replay', String(id))).code).toBe(0)
  await settled()
  const ofEmail = await open('all', 'email')
  expect(ofEmail.map(({ state, round, outcome }) => [state, round, outcome])).toEqual([
    ['open', 1, undefined],
    ['replayed', 0, 'dead'],
  ])
  expect(await dead()).toBe(letters)
  const shown = await installation.cli(['show', '--run', runId, '--json'])
  const groups = shown.json[0]?.['deadLetters']
  const email = { entity: 'email', stage: 'process', code: 'mapping', count: 1 }
  expect(groups).toContainEqual(expect.objectContaining({ ...email, state: 'open', outcome: null }))
  expect(groups).toContainEqual(expect.objectContaining({ ...email, state: 'replayed', outcome: 'dead' }))
})

test('once the fault is mended, letters of each stage land from their original bytes and the ledger of the ended run closes', async () => {
  expect((await installation.cli(['verify', '--run', runId])).code).toBe(3)
  await processor?.stop()
  processor = undefined
  installation.worker('process')
  await installation.pool.query('alter table canonical.event drop constraint a_fault')

  const asked = await dlq('replay', '--run', runId)
  expect(asked.code).toBe(2)
  expect(asked.stderr).toContain(`${letters} dead letters`)
  const replayed = await dlq('replay', '--run', runId, '--yes')
  expect(replayed.code, replayed.stderr).toBe(0)
  await settled()

  expect(await open()).toEqual([])
  // The children of the person that had died were parked: they are swept after it.
  await until('the ledger closes', async () => (await installation.cli(['verify', '--run', runId])).code === 0)
  const differences = await compareWithModel(installation.pool, manifest, { orgId: ORG, source: 'pco' }, simulator.model)
  expect(differences.filter((difference) => !isEqual(difference))).toEqual([])
  const outcomes = (await open('replayed')).map(({ outcome }) => outcome)
  expect(outcomes).toHaveLength(letters + 1)
  expect(outcomes.filter((outcome) => outcome === 'merged')).toHaveLength(4)
  expect(outcomes.filter((outcome) => outcome === 'dead')).toHaveLength(1)
  const again = await dlq('replay', String((await open('replayed'))[0]?.id))
  expect(again.code).toBe(1)
  expect(again.stderr).toContain('has been replayed')
})

test('a dropped letter stays in the register with who, when and why; without --yes nothing is dropped', async () => {
  const bad = rowsOf('email')[1]?.id ?? ''
  simulator.mutate({ op: 'corrupt', entity: 'email', id: bad, text: `{"type":"Email","id":"${bad}","attributes":[]}` })
  expect((await installation.cli(['sync', '--org', ORG, '--wait'])).code).toBe(3)
  const { id } = (await letterOf('email')) ?? {}
  const asked = await dlq('drop', String(id), '--reason', 'a test')
  expect([asked.code, (await open()).length]).toEqual([2, 1])
  expect((await dlq('drop', '--org', ORG, '--reason', 'a test', '--yes')).code).toBe(0)
  expect(await open()).toEqual([])
  const [dropped] = await open('dropped')
  expect(dropped).toMatchObject({ id, state: 'dropped', dropReason: 'a test' })
  expect(dropped?.actedBy).toBeTruthy()
  const shown = await installation.cli(['show', '--run', String(dropped?.runId)])
  expect(shown.stdout).toMatch(/1 × email, process \[.*\], dropped: /)
  expect(shown.stdout).not.toContain('dlq list')
  expect((await dlq('drop', String(id), '--reason', 'again', '--yes')).code).toBe(2)
})
