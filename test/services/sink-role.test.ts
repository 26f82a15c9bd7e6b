// The sink role on a real broker, registry and database.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { ensureTopics } from '../../platform/kafka/admin.ts'
import { createKafka } from '../../platform/kafka/client.ts'
import { createConsumer } from '../../platform/kafka/consumer.ts'
import { createProducer, type Producer } from '../../platform/kafka/producer.ts'
import { createReadAt } from '../../platform/kafka/read-at.ts'
import type { OutgoingMessage } from '../../platform/kafka/record-batch.ts'
import type { Role } from '../../platform/lifecycle.ts'
import { silentLogger } from '../../platform/logger.ts'
import { createPool, type Pool } from '../../platform/postgres.ts'
import { createSink } from '../../sinks/sink.ts'
import { canonicalEntities } from '../../topics/canonical.ts'
import { type CanonicalRecord, encodeCanonical } from '../../topics/canonical-codec.ts'
import { type DeadLetter, encodeDeadLetter } from '../../topics/dead-letters.ts'
import { ORIGIN_HEADER } from '../../topics/headers.ts'
import { CANONICAL_PARTITIONS, DEAD_LETTER_PARTITIONS, topicsWithPrefix } from '../../topics/list.ts'
import { createRegistry, type Registry, subjectOfTopic } from '../../topics/registry.ts'
import { startProxy } from '../harness/proxy.ts'
import { createTestDatabase, idOf, type RecordParts, recordOf, startRun, type TestDatabase } from './sink-fixtures.ts'
import { stackAddresses, topicPrefix } from './support.ts'

const topics = topicsWithPrefix(topicPrefix())
const entities = canonicalEntities.map(({ entity }) => entity)
let db: TestDatabase
let registry: Registry
let schemaIds: ReadonlyMap<string, number>
let producer: Producer
let orgId: string
let runId: string
let sink: Role | undefined

const kafka = () => createKafka({ brokers: [stackAddresses().kafka], clientId: 'sink-test', log: silentLogger })

beforeAll(async () => {
  db = await createTestDatabase()
  registry = createRegistry(stackAddresses().schemaRegistry)
  schemaIds = await registry.register(canonicalEntities, (entity) => subjectOfTopic(topics.canonical(entity)))
  await ensureTopics(kafka(), topics.all([], entities))
  producer = createProducer(kafka())
  await producer.connect()
})
afterAll(async () => {
  await producer.disconnect()
  registry.close()
  await db.drop()
})
beforeEach(async () => {
  ;({ orgId, runId } = await startRun(db.pool))
})
afterEach(async () => {
  await sink?.stop()
  sink = undefined
})

const startSink = async (pool: Pool = db.pool): Promise<Role> => {
  const role = createSink({
    pool,
    producer: createProducer(kafka()),
    consumer: (names, handlers) =>
      createConsumer(
        kafka(),
        { groupId: topics.group('sink'), topics: names, log: silentLogger, sessionTimeoutMs: 10_000 },
        handlers,
      ),
    topics,
    writerSchemas: registry.writerSchema,
    log: silentLogger,
    limits: { maxAgeMs: 50 },
  })
  sink = role
  await role.start()
  return role
}

const produce = (entity: string, messages: readonly OutgoingMessage[]) =>
  producer.send([{ topic: topics.canonical(entity), partitions: CANONICAL_PARTITIONS, messages }])

const origin = (index: number, count: number, range = 0) => ({ [ORIGIN_HEADER]: `${runId}/${range}/0/1/${index}/${count}` })

const messageOfRecord = (entity: string, record: CanonicalRecord, headers: Record<string, string>): OutgoingMessage => ({
  key: record.id,
  value: encodeCanonical(entity, schemaIds.get(entity) ?? -1, record),
  headers,
})
const person = (index: number, count: number, parts: Partial<RecordParts> = {}): OutgoingMessage =>
  messageOfRecord('person', recordOf('person', { orgId, externalId: `${index}`, ...parts }), origin(index, count))

const until = async (what: string, isSo: () => Promise<boolean>): Promise<void> => {
  const deadline = Date.now() + 60_000
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`Not within a minute: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

const landings = async () => {
  const { rows } = await db.pool.query<{ entity: string; complete: boolean; merged: number; parked: number; dead: number }>(
    `select entity, complete, bit_count(merged)::int merged, bit_count(parked)::int parked, bit_count(dead)::int dead
     from sync.landings where run_id = $1 order by entity`,
    [runId],
  )
  return rows
}
const allLanded = (count: number) => async () => {
  const rows = await landings()
  return rows.length === count && rows.every(({ complete }) => complete)
}
const names = async () => {
  const { rows } = await db.pool.query('select external_id from canonical.person where org_id = $1 order by external_id', [orgId])
  return rows.map((row) => row.external_id)
}

const updatedAt = async (): Promise<number | undefined> => {
  const { rows } = await db.pool.query('select source_updated_at at from canonical.person where org_id = $1', [orgId])
  return rows[0]?.at.getTime()
}

test('records of all topics become rows, whichever comes first, and land; offsets are committed when they have', async () => {
  const people = Array.from({ length: 3_000 }, (_, i) => person(i, 3_000))
  const personIds = people.map(({ key }) => key)
  const addresses = personIds.map((personId, i) =>
    messageOfRecord('address', recordOf('address', { orgId, externalId: `${i}`, fields: { personId } }), origin(i, 3_000, 1)),
  )
  await produce('address', addresses)
  await startSink()
  await until('addresses wait for their people', async () => (await landings())[0]?.parked === 3_000)
  await produce('person', people)
  await until('all have landed', async () => (await landings()).every(({ merged }) => merged === 3_000) && (await allLanded(2)()))
  const { rows } = await db.pool.query('select count(*) n from canonical.address where org_id = $1', [orgId])
  expect(rows[0].n).toBe(3_000)
  await sink?.stop()
  sink = undefined

  const admin = kafka().admin()
  await admin.connect()
  for (const entity of ['person', 'address']) {
    const topic = topics.canonical(entity)
    const [group] = await admin.fetchOffsets({ groupId: topics.group('sink'), topics: [topic] })
    const ends = new Map((await admin.fetchTopicOffsets(topic)).map(({ partition, high }) => [partition, high]))
    for (const { partition, offset } of group?.partitions ?? []) expect(offset).toBe(ends.get(partition))
  }
  await admin.disconnect()
})

test('a message that is no record becomes a dead letter with its bytes and its landing; its neighbours go on', async () => {
  const poison = Buffer.from('not a record')
  await produce('person', [person(0, 3), { key: 'x', value: poison, headers: origin(1, 3) }, person(2, 3)])
  await startSink()
  await until('all three have landed', allLanded(1))
  expect(await landings()).toMatchObject([{ merged: 2, dead: 1 }])
  const { rows } = await db.pool.query(
    'select org_id, source, entity, stage, code, bytes, index from sync.dead_letters where run_id = $1',
    [runId],
  )
  expect(rows).toEqual([
    { org_id: orgId, source: 'pco', entity: 'person', stage: 'sink', code: 'unreadable', bytes: poison.length, index: 1 },
  ])
})

test('a record that its table refuses when its parent has come becomes a dead letter with its bytes', async () => {
  await db.pool.query("alter table canonical.address add constraint no_poison check (city <> 'poison')")
  const personId = idOf(orgId, 'person', '0')
  const addresses = ['Bern', 'poison'].map((city, i) =>
    messageOfRecord('address', recordOf('address', { orgId, externalId: `${i}`, fields: { personId, city } }), origin(i, 2, 1)),
  )
  await produce('address', addresses)
  await startSink()
  await until('both wait for their person', async () => (await landings())[0]?.parked === 2)
  await produce('person', [person(0, 1)])
  const letters = async () => {
    const { rows } = await db.pool.query(
      'select topic, partition, "offset", external_id, code, bytes, index from sync.dead_letters where run_id = $1',
      [runId],
    )
    return rows
  }
  await until('one of them is dead', async () => (await letters()).length === 1)
  await until('neither waits', async () => (await landings())[0]?.parked === 0)
  expect((await landings())[0]).toMatchObject({ entity: 'address', merged: 1, dead: 1, complete: true })
  const [letter] = await letters()
  expect(letter).toMatchObject({ external_id: '1', code: 'constraint', bytes: addresses[1]?.value?.length, index: 1 })
  const place = { topic: letter.topic, partition: letter.partition, offset: BigInt(letter.offset) }
  const [message] = (await createReadAt(kafka())([place])).values()
  expect(message?.value).toEqual(addresses[1]?.value)
})

test('a record that PostgreSQL could not hold becomes a dead letter; its neighbours are merged', async () => {
  const spoilt: Readonly<Record<number, Partial<RecordParts>>> = {
    7: { fields: { birthdate: -99_999_999 } },
    8: { fields: { createdAt: 9_000_000_000_000_000 } },
    30: { customFields: { broken: '{' } },
  }
  const messages = Array.from({ length: 40 }, (_, i) => person(i, 40, spoilt[i]))
  await produce('person', messages)
  await startSink()
  await until('all have landed', allLanded(1))
  expect(await landings()).toMatchObject([{ merged: 37, dead: 3 }])
  expect(await names()).toHaveLength(37)
  const { rows } = await db.pool.query(
    'select external_id, code, reason from sync.dead_letters where run_id = $1 order by index',
    [runId],
  )
  const letter = (id: string, field: string) => ({
    external_id: id,
    code: 'constraint',
    reason: `PostgreSQL cannot hold the record: ${field} has a value that its column cannot hold`,
  })
  expect(rows).toEqual([letter('7', 'birthdate'), letter('8', 'createdAt'), letter('30', 'customFields')])
})

test('dead letters of other stages are recorded and land', async () => {
  const letter: DeadLetter = {
    orgId,
    source: 'pco',
    entity: 'person',
    externalId: 'x',
    stage: 'process',
    code: 'invalid-record',
    reason: 'birthdate: not a date',
    origin: { runId, rangeId: 0, page: 0, attempt: 1, index: 0, count: 1 },
  }
  const value = Buffer.from('{"id":"x"}')
  await producer.send([
    {
      topic: topics.deadLetters,
      partitions: DEAD_LETTER_PARTITIONS,
      messages: [
        { key: 'k', value, headers: encodeDeadLetter(letter) },
        { key: 'k', value, headers: { org: 'of no use' } },
      ],
    },
  ])
  await startSink()
  await until('it has landed', allLanded(1))
  expect(await landings()).toMatchObject([{ entity: 'person', dead: 1 }])
})

test('while PostgreSQL is away nothing is lost and nothing committed; then it goes on', async () => {
  const proxy = await startProxy(db.url)
  const pool = createPool({ url: proxy.url, max: 3 })
  await produce('person', [person(0, 1)])
  proxy.cut()
  await startSink(pool)
  await until('it has tried more than once', async () => proxy.refused() >= 3)
  expect(await landings()).toEqual([])
  proxy.mend()
  await until('it has landed', allLanded(1))
  // Cut off again in the middle of its life, it finds its way back as well.
  proxy.cut()
  await produce('person', [person(0, 1, { sourceUpdatedAt: 9_000_000 })])
  await until('it has tried again', async () => proxy.refused() >= 5)
  proxy.mend()
  await until('the newer one is there', async () => (await updatedAt()) === 9_000_000)
  await sink?.stop()
  sink = undefined
  await pool.end()
  await proxy.close()
})

test('a null value, as written when an organisation is forgotten, is passed over', async () => {
  await produce('person', [{ key: idOf(orgId, 'person', '0'), value: null, headers: {} }, person(0, 1)])
  await startSink()
  await until('its neighbour has landed', allLanded(1))
})
