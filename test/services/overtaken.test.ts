// What the canonical topic holds at last of a record whose page was processed after a later observation: the present state, because
// compaction keeps nothing else. On the real services.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { recordAsks } from '../../ledger/asks.ts'
import { canonicalId } from '../../manifests/identity.ts'
import { createKafka } from '../../platform/kafka/client.ts'
import { withLook } from '../../platform/kafka/look.ts'
import { silentLogger } from '../../platform/logger.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { createCanonicalDecoder } from '../../topics/canonical-codec.ts'
import { topicsWithPrefix } from '../../topics/list.ts'
import { createRegistry } from '../../topics/registry.ts'
import { openTopicRecords, type TopicRecords } from '../harness/topic-records.ts'
import { type Installation, newInstallation, until, type WorkerProcess } from './installation.ts'
import { stackAddresses } from './support.ts'

const ORG = 'acme'

let installation: Installation
let simulator: Simulator
let workers: WorkerProcess
let records: TopicRecords

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 20 })
  records = await openTopicRecords(stackAddresses().kafka)
  const org = ['org', 'add', ORG, '--base-url', simulator.url, '--rate', 'none', '--no-schedules', '--pat-stdin']
  expect((await installation.cli(org, simulator.personalToken)).code).toBe(0)
  workers = installation.worker('all')
  expect((await installation.cli(['sync', '--org', ORG, '--select', 'person', '--wait'])).code).toBe(0)
})
afterAll(async () => {
  await workers?.stop()
  await records?.close()
  await simulator?.close()
  await installation?.remove()
})

/** What the topic says of a person, in its order: whether it is there. */
const toldOf = async (id: string): Promise<readonly boolean[]> => {
  const { schemaRegistry, kafka } = stackAddresses()
  const topic = topicsWithPrefix(installation.prefix).canonical('person')
  const decoder = createCanonicalDecoder(createRegistry(schemaRegistry).writerSchema)
  const told: boolean[] = []
  await withLook(createKafka({ brokers: [kafka], clientId: 'test', log: silentLogger }), async (look) => {
    for (const [partition, end] of await records.ends(topic))
      for await (const messages of look.read({ topic, partition }, 0n, BigInt(end))) {
        const ours = messages.filter(({ key }) => key === canonicalId(ORG, 'pco', 'person', id))
        await decoder.prepare(ours.map(({ value }) => value))
        for (const { value } of ours) if (value !== null) told.push(decoder.decode('person', value).deletedAt === null)
      }
  })
  return told
}

test('a page that was on its way when its record was deleted is followed by the deletion once more', async () => {
  const [id = ''] = [...simulator.model.rows('person')].map((row) => row.id)
  simulator.mutate({ op: 'delete', entity: 'person', id })
  await recordAsks(installation.pool, [{ orgId: ORG, source: 'pco', entity: 'person', externalId: id, parents: {}, why: 'hint' }])
  const isDeleted = async () => {
    const { rows } = await installation.pool.query(
      'select from canonical.person where external_id = $1 and deleted_at is not null',
      [id],
    )
    return rows.length === 1
  }
  await until('the row is deleted', isDeleted)
  expect((await toldOf(id)).at(-1)).toBe(false)

  await workers.stop()
  const { group, raw } = topicsWithPrefix(installation.prefix)
  await records.rewind(group('process'), raw('pco'))
  workers = installation.worker('all')
  await until('the page has come after the deletion, and the deletion after the page', async () => {
    const told = await toldOf(id)
    return told.lastIndexOf(true) > told.indexOf(false) && told.at(-1) === false
  })
  expect(await isDeleted()).toBe(true)
  const { rows } = await installation.pool.query('select count(*)::int as n from sync.asks')
  expect(rows).toEqual([{ n: 0 }])
})
