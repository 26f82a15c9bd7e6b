// An organisation is forgotten, in steps that are each cut off once: nothing of it is left in any table or as the last word of a topic, and
// its neighbour is as it was.
import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditTrail } from '../../ledger/audit.ts'
import { markForgotten } from '../../ledger/forget.ts'
import { createKafka } from '../../platform/kafka/client.ts'
import { withLook } from '../../platform/kafka/look.ts'
import { createProducer } from '../../platform/kafka/producer.ts'
import type { Message } from '../../platform/kafka/record-batch.ts'
import { scanTopic } from '../../platform/kafka/scan.ts'
import { pause } from '../../platform/lifecycle.ts'
import { silentLogger } from '../../platform/logger.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { canonicalEntities } from '../../topics/canonical.ts'
import { CANONICAL_PARTITIONS, topicsWithPrefix } from '../../topics/list.ts'
import { receiverUrl } from '../harness/receiver.ts'
import { type Installation, newInstallation, until } from './installation.ts'
import { stackAddresses } from './support.ts'

let installation: Installation
let simulator: Simulator

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 80 })
  for (const org of ['gone', 'stays']) {
    const args = ['org', 'add', org, '--base-url', simulator.url, '--rate', 'none', '--no-schedules', '--pat-stdin']
    await installation.cli(args, simulator.personalToken)
    const { code, stderr } = await installation.cli(['sync', '--org', org, '--with-workers'])
    expect(code, stderr).toBe(0)
    const ensured = await installation.cli(['webhooks', 'ensure', '--org', org, '--url', 'https://hooks.example.org'])
    expect(ensured.code, ensured.stderr).toBe(0)
  }
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

const kafka = () => createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger })
const topics = () => topicsWithPrefix(installation.prefix)

/** The last message of each key of a topic. */
const lastWords = async (topic: string): Promise<ReadonlyMap<string, Message>> => {
  const last = new Map<string, Message>()
  await withLook(kafka(), (look) =>
    scanTopic(look, { topic, sinceMs: undefined }, async (_, messages) => {
      for (const message of messages) last.set(message.key ?? '', message)
    }),
  )
  return last
}

/** Canonical ids in the tables, by entity. */
const idsOf = async (org: string): Promise<ReadonlyMap<string, readonly string[]>> => {
  const all = new Map<string, readonly string[]>()
  for (const { entity, table } of canonicalEntities) {
    const { rows } = await installation.pool.query<{ id: string }>(
      `select id from canonical."${table}" where org_id = $1 order by id`,
      [org],
    )
    all.set(
      entity,
      rows.map(({ id }) => id),
    )
  }
  return all
}

/** Tables with a row in which the organisation's name stands. */
const tablesWith = async (org: string): Promise<readonly string[]> => {
  const { rows } = await installation.pool.query<{ name: string }>(
    `select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname in ('sync', 'canonical')`,
  )
  const found: string[] = []
  for (const { name } of rows) {
    const { rowCount } = await installation.pool.query(`select from ${name} t where t::text like $1 limit 1`, [`%${org}%`])
    if (rowCount !== 0) found.push(name)
  }
  return found.toSorted()
}

test('a merge that has seen an organisation as active ends before it is marked, and later ones are told', async () => {
  const { pool } = installation
  await pool.query("insert into sync.organisations (org_id) values ('marked')")
  const client = await pool.connect()
  await client.query('begin')
  expect((await client.query("select * from sync.forgotten_of(array['marked'])")).rowCount).toBe(0)
  let marked = false
  const marking = markForgotten(pool, 'marked').then(() => {
    marked = true
  })
  await until('the mark waits', async () => {
    const { rowCount } = await pool.query(
      "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    )
    return rowCount === 1
  })
  expect(marked).toBe(false)
  await client.query('commit')
  await marking
  const { rows } = await client.query("select * from sync.forgotten_of(array['marked'])")
  expect(rows).toEqual([{ org_id: 'marked', until: null }])
  client.release()
})

test('what is delivered of it while it is forgotten is not the last word', async () => {
  const receiver = installation.workerWith({ SYNCLINE_WEBHOOKS_PORT: '0' }, 'webhooks')
  const worker = installation.worker('process', 'sink')
  const base = await receiverUrl(receiver)
  const args = ['org', 'add', 'told', '--base-url', simulator.url, '--rate', 'none', '--no-schedules', '--pat-stdin']
  await installation.cli(args, simulator.personalToken)
  const ensured = await installation.cli(['webhooks', 'ensure', '--org', 'told', '--url', base])
  expect(ensured.code, ensured.stderr).toBe(0)
  const [subscription] = [...simulator.webhooks.subscriptions.values()].filter(
    ({ name, url }) => name === 'people.v2.events.person.updated' && url.startsWith(base),
  )
  if (subscription === undefined) throw new Error('no subscription')
  const id = [...simulator.model.rows('person')][0]?.id ?? ''
  simulator.mutate({ op: 'rename', entity: 'person', id, name: 'Late' })
  const ofTold = async (topic: string) =>
    [...(await lastWords(topic)).values()].filter(
      ({ headers, value }) => value !== null && (headers['org'] === 'told' || value.includes('told')),
    )
  await until('it is on the canonical topic', async () => (await ofTold(topics().canonical('person'))).length > 0)
  const body = (await ofTold(topics().live('pco'))).at(-1)?.value ?? Buffer.alloc(0)
  const deliver = async (): Promise<number> => {
    const signature = createHmac('sha256', subscription.secret).update(body).digest('hex')
    const headers = { 'x-pco-webhooks-authenticity': signature, 'x-pco-webhooks-name': subscription.name }
    return (await fetch(base + new URL(subscription.url).pathname, { method: 'POST', body: new Uint8Array(body), headers }))
      .status
  }
  const forgetting = installation.begin(['org', 'forget', 'told', '--yes', '--json'])
  let [isOver, taken, last] = [false, 0, 200]
  const ended = forgetting.ended.finally(() => {
    isOver = true
  })
  while (!isOver) {
    last = await deliver()
    if (last === 200) taken++
    await pause(50)
  }
  expect((await ended).code, (await ended).stderr).toBe(0)
  expect(taken).toBeGreaterThan(10)
  expect(last).toBe(404)
  await until('nothing is left to process', async () => (await installation.cli(['status'])).code === 0)
  expect(await ofTold(topics().canonical('person'))).toEqual([])
  await receiver.stop()
  await worker.stop()
})

test('an organisation is forgotten though it is cut off at every step', async () => {
  const [own, neighbours] = [await idsOf('gone'), await idsOf('stays')]
  const login = `forget_test_${installation.prefix.replace(/\W/g, '')}`
  const isLogin = async () => (await installation.pool.query('select from pg_roles where rolname = $1', [login])).rowCount === 1
  expect((await installation.cli(['org', 'reader', 'gone', '--role', login])).code).toBe(0)
  expect(await isLogin()).toBe(true)
  expect([...own.values()].flat().length).toBeGreaterThan(300)
  const worker = installation.worker('process', 'sink')
  const forget = (fail: string) => installation.cli(['org', 'forget', 'gone', '--yes', '--json'], '', { SYNCLINE_FAIL: fail })
  for (const site of ['forget.after-mark', 'forget.after-rows', 'forget.after-tombstones']) {
    expect((await forget(`${site}:crash`)).code, site).toBeNull()
    const added = await installation.cli(['org', 'add', 'gone', '--no-schedules', '--pat-stdin'], 'app:secret')
    expect(added.code, added.stderr).toBe(1)
    expect(added.stderr).toContain('being forgotten')
  }
  const done = await forget('')
  expect(done.code, done.stderr).toBe(0)
  const rows = [...own.values()].flat().length
  expect(done.json.at(-1)).toMatchObject({
    type: 'org-forgotten',
    org: 'gone',
    rows,
    runs: 1,
    tombstones: rows,
    keysDestroyed: true,
  })
  expect(await isLogin()).toBe(false)
  const told = [...simulator.webhooks.subscriptions.values()].map(({ url }) => new URL(url).pathname.split('/')[2])
  expect(new Set(told)).toEqual(new Set(['stays']))
  expect(await tablesWith('gone')).toEqual(['sync.audit_heads', 'sync.audit_log', 'sync.forgotten'])
  expect(await idsOf('stays')).toEqual(neighbours)
  for (const { entity } of canonicalEntities) {
    const last = await lastWords(topics().canonical(entity))
    expect(
      own.get(entity)?.filter((id) => last.get(id)?.value !== null),
      entity,
    ).toEqual([])
    expect(
      neighbours.get(entity)?.filter((id) => last.get(id)?.value === null),
      entity,
    ).toEqual([])
  }
  const trail = await auditTrail(installation.pool, { orgId: 'gone', limit: 1_000 })
  expect(trail.at(-1)?.action).toMatch(/organisation\.(forgotten|removed)/)
  const forgotten = trail.find(({ action }) => action === 'organisation.forgotten')
  expect(JSON.parse(forgotten?.facts ?? '')).toEqual({ rows, parked: 0, runs: 1, deadLetters: 0, tombstones: rows })
  expect((await installation.cli(['audit', '--check', '--org', 'gone'])).code).toBe(0)
  await worker.stop()
})

test('a record of it that comes late is dropped, and what it is given after it was added again comes in', async () => {
  const topic = topics().canonical('person')
  const records = await lastWords(topic)
  const old: Message[] = []
  await withLook(kafka(), (look) =>
    scanTopic(look, { topic, sinceMs: undefined }, async (_, messages) => {
      for (const message of messages)
        if (message.value !== null && records.get(message.key ?? '')?.value === null) old.push(message)
    }),
  )
  expect(old.length).toBeGreaterThan(0)
  const producer = createProducer(kafka())
  await producer.connect()
  const again = () =>
    producer.send([
      {
        topic,
        partitions: CANONICAL_PARTITIONS,
        messages: old.map(({ key, value, headers }) => ({ key: key ?? '', value, headers })),
      },
    ])
  await again()
  const worker = installation.worker('sink')
  await until('they are dropped', () => worker.log().includes('records of forgotten organisations dropped'))
  expect((await idsOf('gone')).get('person')).toEqual([])
  await worker.stop()

  await installation.cli(
    ['org', 'add', 'gone', '--base-url', simulator.url, '--rate', 'none', '--no-schedules', '--pat-stdin'],
    simulator.personalToken,
  )
  await again()
  const synced = await installation.cli(['sync', '--org', 'gone', '--with-workers', '--select', 'person'])
  await producer.disconnect()
  expect(synced.code, synced.stderr).toBe(0)
  expect((await idsOf('gone')).get('person')?.length).toBe(simulator.model.count('person'))
})

test.each([
  ['nobody confirmed', ['org', 'forget', 'stays'], /--yes/],
  ['is not known', ['org', 'forget', 'stay', '--yes'], /stays/],
])('an organisation that %s is not forgotten', async (_, args, words) => {
  const { code, stderr } = await installation.cli(args)
  expect(code, stderr).toBe(2)
  expect(stderr).toMatch(words)
})
