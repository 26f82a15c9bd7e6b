// Where a record comes from, for one of each fate; what trace says of Kafka is looked up there.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { createKafka } from '../../platform/kafka/client.ts'
import { type Look, openLook } from '../../platform/kafka/look.ts'
import { silentLogger } from '../../platform/logger.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Installation, newInstallation } from './installation.ts'
import { stackAddresses } from './support.ts'

let installation: Installation
let simulator: Simulator
let look: Look
/** A person that cannot be mapped, one with an e-mail, and the e-mail of each. */
let bad: { person: string; email: string }
let good: { person: string; email: string }

const relationshipsSchema = z.object({ relationships: z.object({ person: z.object({ data: z.object({ id: z.string() }) }) }) })
const personOf = (record: unknown): string => relationshipsSchema.parse(record).relationships.person.data.id

const kafka = () => createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger })

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 40 })
  look = await openLook(kafka())
  const owned = [...simulator.model.rows('email')].map((email) => ({ email: email.id, person: personOf(email) }))
  const [first] = owned
  const other = owned.find(({ person }) => person !== first?.person)
  if (first === undefined || other === undefined) throw new Error('the simulator has no e-mails of two people')
  bad = first
  good = other
  simulator.mutate({ op: 'corrupt', entity: 'person', id: bad.person, attributes: { child: 'perhaps' } })
  await installation.cli(
    ['org', 'add', '--no-schedules', 'acme', '--base-url', simulator.url, '--rate', 'none', '--pat-stdin'],
    simulator.personalToken,
  )
  const { code, stderr } = await installation.cli(['sync', '--org', 'acme', '--with-workers'])
  expect(code, stderr).toBe(3)
})

afterAll(async () => {
  await look?.close()
  await installation?.remove()
  await simulator?.close()
})

const trace = async (entity: string, id: string) => {
  const { code, json, stderr } = await installation.cli(['trace', entity, id, '--org', 'acme', '--json'])
  expect(stderr).not.toContain(simulator.personalToken.split(':')[1])
  return { code, line: json.at(-1) ?? {}, stderr }
}

const placeIn = (line: Record<string, unknown>, name: 'raw' | 'canonical') =>
  // The shape of `trace --json`; a wrong one fails the look-up.
  line[name] as { topic: string; partition: number; offset: number; state: string }

const idOf = async (entity: string, externalId: string): Promise<string> => {
  const { rows } = await installation.pool.query<{ id: string }>(`select id from canonical.${entity} where external_id = $1`, [
    externalId,
  ])
  return rows[0]?.id ?? ''
}

test('a row is traced to its request, and to the raw and canonical messages that hold it', async () => {
  const { code, line, stderr } = await trace('email', good.email)
  expect(code, stderr).toBe(0)
  const { rows } = await installation.pool.query('select run_id from sync.runs')
  const [run] = rows
  expect(line).toMatchObject({
    type: 'trace',
    state: 'row',
    externalId: good.email,
    row: { firstRunId: run?.['run_id'], lastChangedRunId: run?.['run_id'], mappingRevision: 1 },
    origin: { runId: run?.['run_id'], attempt: 1 },
    page: { entity: 'person', accepted: true, request: { method: 'GET', path: '/people/v2/people' } },
    outcome: 'merged',
    gaps: [],
  })
  const raw = placeIn(line, 'raw')
  const page = await look.at(raw, BigInt(raw.offset))
  const { included } = JSON.parse(String(page?.value)) as { included: { type: string; id: string }[] }
  // The index counts the records of the entity.
  const { index } = line['origin'] as { index: number }
  expect(included.filter(({ type }) => type === 'Email')[index]?.id).toBe(good.email)
  const canonical = placeIn(line, 'canonical')
  const record = await look.at(canonical, BigInt(canonical.offset))
  expect(record?.key).toBe(await idOf('email', good.email))
})

test("the row's own id leads to the same as the vendor's", async () => {
  const byOwn = await trace('person', await idOf('person', good.person))
  expect(byOwn.line).toEqual((await trace('person', good.person)).line)
})

test('a row without updated_at that a later sync has seen again names that sync, and the one that changed it', async () => {
  const { rows } = await installation.pool.query(
    'select external_id, last_changed_run_id from canonical.household_membership limit 1',
  )
  await installation.cli(['sync', '--org', 'acme', '--with-workers', '--select', 'household,household-membership'])
  const runs = await installation.pool.query('select run_id from sync.runs order by run_id desc limit 1')
  const { line } = await trace('household-membership', String(rows[0]?.['external_id']))
  expect(line).toMatchObject({
    row: { lastChangedRunId: rows[0]?.['last_changed_run_id'] },
    origin: { runId: runs.rows[0]?.['run_id'] },
    page: { entity: 'household' },
    outcome: 'unchanged',
  })
})

test('a dead letter says where it died and why', async () => {
  const { code, line } = await trace('person', bad.person)
  expect(code).toBe(0)
  expect(line).toMatchObject({
    state: 'dead',
    row: null,
    deadLetters: [
      { code: 'invalid-record', stage: 'process', letterState: 'open', state: 'there', outcome: 'dead', raw: { state: 'there' } },
    ],
  })
  expect(JSON.stringify(line)).toContain('child')
  expect(JSON.stringify(line)).not.toContain('perhaps')
})

test('a parked record names the parent it waits for, and what became of that', async () => {
  const { line } = await trace('email', bad.email)
  expect(line).toMatchObject({ state: 'parked', row: null, outcome: 'parked', gaps: [] })
  expect(line['parked']).toMatchObject({ waitsFor: [{ entity: 'person', externalId: bad.person, state: 'dead' }] })
})

/** Records of a run by what became of them. */
const landed = async (runId: unknown) => {
  const { rows } = await installation.pool.query<{ merged: number; unchanged: number; dead: number }>(
    `select sum(bit_count(merged))::int as merged, sum(bit_count(unchanged))::int as unchanged, sum(bit_count(dead))::int as dead
     from sync.landings where run_id = $1`,
    [runId],
  )
  return z.object({ merged: z.number(), unchanged: z.number(), dead: z.number() }).parse(rows[0])
}

// A walk by a key reads its last second again: the merger is on two pages. In one batch the later one deletes the row, or dies; in two
// the first one does, and the later one changes nothing, or dies as well.
test('a person who was merged is traced to the page of mergers that said so, and to the merger that died', async () => {
  const [removed = '', kept = '', other = ''] = [...simulator.model.rows('person')].slice(-3).map(({ id }) => id)
  const findMergers = () =>
    installation.cli(['sync', '--org', 'acme', '--with-workers', '--strategy', 'delta', '--select', 'person-merger', '--json'])
  simulator.mutate({ op: 'merge', entity: 'person', id: removed, into: kept })
  const runId = (await findMergers()).json.at(-1)?.['runId']
  const { line } = await trace('person', removed)
  expect(line).toMatchObject({
    state: 'deleted',
    origin: { runId, entity: 'person-merger' },
    page: { entity: 'person-merger', request: { path: '/people/v2/person_mergers' } },
    ...{ raw: { state: 'there' }, mergedBefore: expect.any(String), gaps: [] },
  })
  expect(['merged', 'unchanged']).toContain(line['outcome'])
  expect(await landed(runId)).toEqual({ merged: 1, unchanged: 1, dead: 0 })
  await installation.pool.query('alter table canonical.person add constraint nobody_goes check (deleted_at is null) not valid')
  simulator.mutate({ op: 'merge', entity: 'person', id: other, into: kept })
  const failed = (await findMergers()).json.at(-1)?.['runId']
  await installation.pool.query('alter table canonical.person drop constraint nobody_goes')
  const { line: stays } = await trace('person', other)
  expect(stays['state']).toBe('row')
  const letters = z.array(z.unknown()).parse(stays['deadLetters'])
  const { merged, unchanged, dead } = await landed(failed)
  // The merger from before is on the first page as well, and dies because it is seen again.
  expect({ merged, others: unchanged + dead }).toEqual({ merged: 0, others: 3 })
  expect(dead).toBeGreaterThan(1)
  expect(letters).toHaveLength(dead - 1)
  for (const letter of letters)
    expect(letter).toMatchObject({
      ...{ stage: 'sink', code: 'constraint', outcome: 'dead', gaps: [] },
      origin: { runId: failed, entity: 'person-merger' },
    })
})

test('a deleted row says since when', async () => {
  const at = '2026-01-02T03:04:05.000Z'
  await installation.pool.query('update canonical.campus set deleted_at = $1', [at])
  const { rows } = await installation.pool.query('select external_id from canonical.campus limit 1')
  const { line } = await trace('campus', String(rows[0]?.['external_id']))
  expect(line).toMatchObject({ state: 'deleted', row: { deletedAt: at } })
})

test('an unknown id says what was looked at and where else it is known, exit 1', async () => {
  const { code, line } = await trace('group', good.person)
  expect(code).toBe(1)
  expect(line).toMatchObject({ state: 'unknown', row: null, deadLetters: [] })
  expect(line['elsewhere']).toContainEqual({ entity: 'person', source: 'pco', externalId: good.person })
  expect(JSON.stringify(line['looked'])).toContain('canonical.group')
})

test('a row that was removed behind our back is told from one that never was', async () => {
  await installation.pool.query('delete from canonical.email where external_id = $1', [good.email])
  const { code, line } = await trace('email', good.email)
  expect(code).toBe(1)
  expect(line).toMatchObject({ state: 'vanished', canonical: { state: 'there' } })
})

test('the raw page of an attempt whose worker died before its receipt is found all the same', async () => {
  await installation.pool.query("delete from sync.pages where entity = 'group'")
  const [group] = [...simulator.model.rows('group')]
  const { line } = await trace('group', group?.id ?? '')
  expect(line).toMatchObject({ state: 'row', page: null, raw: { state: 'there' }, origin: { attempt: 1 } })
  expect(JSON.stringify(line['gaps'])).toContain('no receipt')
  const raw = placeIn(line, 'raw')
  const page = await look.at(raw, BigInt(raw.offset))
  expect(String(page?.value)).toContain(`"id":"${group?.id}"`)
})

test('what retention has taken is said to be gone, and the ledger still knows the request', async () => {
  const admin = kafka().admin()
  await admin.connect()
  const topic = `${installation.prefix}raw.pco`
  const ends = await admin.fetchTopicOffsets(topic)
  await admin.deleteTopicRecords({
    topic,
    partitions: ends.filter(({ high, low }) => high !== low).map(({ partition, high }) => ({ partition, offset: high })),
  })
  await admin.disconnect()
  const { line } = await trace('person', good.person)
  expect(line).toMatchObject({ state: 'row', raw: { state: 'removed' }, page: { request: { path: '/people/v2/people' } } })
  expect(JSON.stringify(line['gaps'])).toContain('raw')
})
