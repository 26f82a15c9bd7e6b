// Replay without the API: what stands on Kafka against the tables, and back into them by the merge.
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { adapterByName } from '../../adapters/index.ts'
import { isEqual } from '../../cli/compare.ts'
import { waitForGroup } from '../../cli/group-wait.ts'
import { compareWithModel } from '../../cli/simulated-model.ts'
import { createKafka } from '../../platform/kafka/client.ts'
import { createProducer } from '../../platform/kafka/producer.ts'
import { silentLogger } from '../../platform/logger.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { isNewer, newerSql, replacesWhenRaisedSql, type Version } from '../../sinks/version.ts'
import { CANONICAL_PARTITIONS, topicsWithPrefix } from '../../topics/list.ts'
import { type CliResult, type Installation, newInstallation } from './installation.ts'
import { stackAddresses } from './support.ts'

const { manifest } = adapterByName('pco')
const OWNER = { orgId: 'acme', source: 'pco' }

let installation: Installation
let simulator: Simulator

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 300 })
  const add = ['org', 'add', '--no-schedules', 'acme', '--base-url', simulator.url, '--rate', 'none', '--pat-stdin']
  expect((await installation.cli(add, simulator.personalToken)).code).toBe(0)
  const { code, stderr } = await installation.cli(['sync', '--org', 'acme', '--with-workers', '--json'])
  expect(code, stderr).toBe(0)
})

afterAll(async () => {
  await installation?.remove()
  await simulator?.close()
})

const replay = (from: 'raw' | 'canonical', entity: string, ...args: readonly string[]): Promise<CliResult> =>
  replayOf('acme', from, entity, ...args)

const replayOf = async (org: string, from: string, entity: string, ...args: readonly string[]): Promise<CliResult> => {
  const result = await installation.cli(['replay', '--from', from, '--org', org, '--entity', entity, '--json', ...args])
  expect(result.code, result.stderr).toBe(0)
  return result
}

const totalsOf = (result: CliResult) => result.json.at(-1)
const foundOf = (result: CliResult, kind: string) => result.json.filter((line) => line['kind'] === kind)

const sql = async (text: string, values: readonly unknown[] = []) => (await installation.pool.query(text, [...values])).rows

const idsOf = async (entity: string, n: number): Promise<readonly string[]> =>
  (await sql(`select external_id from canonical.${entity} where org_id = 'acme' order by external_id limit $1`, [n])).map((row) =>
    String(row.external_id),
  )

const rowsOf = async (entity: string): Promise<number> =>
  Number((await sql(`select count(*) as n from canonical.${entity} where org_id = 'acme'`))[0]?.n)

test.each([
  { from: 'raw', entity: 'household-membership', table: 'household_membership' },
  { from: 'canonical', entity: 'person', table: 'person' },
] as const)('after a sync nothing differs from $from: $entity', async ({ from, entity, table }) => {
  const totals = totalsOf(await replay(from, entity))
  const rows = await rowsOf(table)
  expect(totals).toMatchObject({ type: 'replay', records: rows, same: rows, refused: 0, complete: true, applied: null })
  expect(totals).toMatchObject({ changed: 0, onlyTopic: 0, onlyTable: 0, newer: 0, deleted: 0, revision: null })
})

test('rows changed behind our back are found in the raw pages and come back by the merge; deleted and newer ones stay', async () => {
  const [rehashed = '', byHand = '', deleted = '', newer = ''] = await idsOf('person', 4)
  await sql(
    "update canonical.person set last_name = 'Mallory', content_hash = gen_random_uuid() where org_id = 'acme' and external_id = $1",
    [rehashed],
  )
  await sql("update canonical.person set first_name = 'Mallory' where org_id = 'acme' and external_id = $1", [byHand])
  await sql(
    `update canonical.person set deleted_at = now(), observed_at = now(), source_updated_at = null, content_hash = gen_random_uuid()
     where org_id = 'acme' and external_id = $1`,
    [deleted],
  )
  await sql(
    `update canonical.person set nickname = 'Newer', source_updated_at = now(), content_hash = gen_random_uuid()
     where org_id = 'acme' and external_id = $1`,
    [newer],
  )
  const found = await replay('raw', 'person', '--dry-run', '--since', '1h')
  expect(totalsOf(found)).toMatchObject({
    same: (await rowsOf('person')) - 4,
    changed: 2,
    deleted: 1,
    newer: 1,
    onlyTopic: 0,
    onlyTable: 0,
    columns: { first_name: 1, last_name: 1 },
  })
  expect(totalsOf(found)).toMatchObject({ revision: 2, applied: null })
  expect(foundOf(found, 'changed').map((line) => [line['externalId'], line['columns']])).toEqual(
    expect.arrayContaining([
      [rehashed, ['last_name']],
      [byHand, ['first_name']],
    ]),
  )
  expect(found.stdout + found.stderr).not.toContain('Mallory')

  const worker = installation.worker('process', 'sink')
  try {
    const applied = await replay('raw', 'person', '--apply', '--values')
    const settled = { left: 0, merged: 2, newer: 0, parked: 0, refused: 0 }
    expect(totalsOf(applied)).toMatchObject({ changed: 2, revision: 2, applied: 2, settled })
    expect(applied.stdout).toContain('Mallory')
    // It has waited: there is nothing more to wait for.
    expect(await sql('select last_changed_run_id as run from canonical.person where mapping_revision = 2')).toEqual([
      { run: null },
      { run: null },
    ])
  } finally {
    await worker.stop()
  }
  expect(await sql('select external_id from canonical.person where deleted_at is not null')).toEqual([{ external_id: deleted }])
  expect(await sql('select from sync.dead_letters')).toEqual([])
  await expectOnly({ entity: 'person', missing: [deleted], different: [newer] })
})

test('rows that are gone come back from the canonical topic, but not a forgotten one; a row only in the table stays', async () => {
  const [gone = '', forgotten = ''] = await idsOf('email', 2)
  const ghost = '00000000-0000-4000-8000-000000000001'
  const removed = await sql(
    "delete from canonical.email where org_id = 'acme' and external_id = any($1) returning external_id, id",
    [[gone, forgotten]],
  )
  await sql("insert into canonical.email (org_id, id, source, external_id) values ('acme', $1, 'pco', 'ghost')", [ghost])
  await forget('email', String(removed.find((row) => row.external_id === forgotten)?.id))
  const worker = installation.worker('sink')
  try {
    const applied = await replay('canonical', 'email', '--apply')
    expect(totalsOf(applied)).toMatchObject({
      changed: 0,
      onlyTopic: 1,
      onlyTable: 1,
      applied: 1,
      settled: { left: 0, merged: 1 },
    })
    expect(foundOf(applied, 'only-topic')).toMatchObject([{ externalId: gone }])
    expect(foundOf(applied, 'only-table')).toMatchObject([{ externalId: 'ghost', id: ghost }])
    expect(await sql('select external_id from canonical.email where external_id = $1', [gone])).toHaveLength(1)
  } finally {
    await worker.stop()
  }
  expect(totalsOf(await replay('raw', 'email'))).toMatchObject({ changed: 0, onlyTopic: 1, onlyTable: 1 })
  await expectOnly({ entity: 'email', missing: [forgotten], extra: ['ghost'] })
})

/** As it stands on the topic when its organisation was forgotten. */
const forget = async (entity: string, id: string): Promise<void> => {
  const producer = createProducer(createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger }))
  await producer.connect()
  const topic = topicsWithPrefix(installation.prefix).canonical(entity)
  await producer.send([{ topic, partitions: CANONICAL_PARTITIONS, messages: [{ key: id, value: null, headers: {} }] }])
  await producer.disconnect()
}

/** The tables are the simulator's model, but for what this says of one entity. */
const expectOnly = async (expected: {
  entity: string
  missing?: string[]
  extra?: string[]
  different?: string[]
}): Promise<void> => {
  const differences = await compareWithModel(installation.pool, manifest, OWNER, simulator.model)
  const ofEntity = differences.find(({ entity }) => entity === expected.entity)
  expect(ofEntity).toMatchObject({ missing: [], extra: [], different: [], ...expected })
  // The deleted person of the test before.
  const others = differences.filter((difference) => !['person', expected.entity].includes(difference.entity))
  expect(others.filter((difference) => !isEqual(difference))).toEqual([])
}

test('of an organisation with two sources the rows of both are mended, each from its own pages; then it has waited', async () => {
  const [main, annex] = [await startSimulator({ people: 20 }), await startSimulator({ people: 20, seed: 2 })]
  try {
    const sources = [
      { source: 'pco', at: main },
      { source: 'annex', at: annex },
    ]
    for (const { source, at } of sources) {
      const add = [
        'org',
        'add',
        '--no-schedules',
        'twin',
        '--source',
        source,
        '--base-url',
        at.url,
        '--rate',
        'none',
        '--pat-stdin',
      ]
      expect((await installation.cli(add, at.personalToken)).code).toBe(0)
      const sync = ['sync', '--org', 'twin', '--source', source, '--select', 'person', '--with-workers', '--json']
      expect((await installation.cli(sync)).code).toBe(0)
    }
    // The same external id stands for another person in each.
    const [shared, gone] = [...main.model.rows('person')].map(({ id }) => id)
    expect([...annex.model.rows('person')].map(({ id }) => id)).toEqual(expect.arrayContaining([shared, gone]))
    await sql("update canonical.person set last_name = 'Mallory' where org_id = 'twin' and external_id = $1", [shared])
    await sql("delete from canonical.person where org_id = 'twin' and source = 'annex' and external_id = $1", [gone])

    const produced = await replayOf('twin', 'raw', 'person', '--apply', '--no-wait')
    expect(totalsOf(produced)).toMatchObject({ records: 40, changed: 2, onlyTopic: 1, onlyTable: 0, applied: 3, settled: null })
    expect(
      foundOf(produced, 'changed')
        .map((line) => `${line['source']} ${line['externalId']}`)
        .sort(),
    ).toEqual([`annex ${shared}`, `pco ${shared}`])
    const kafka = createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger })
    const topics = topicsWithPrefix(installation.prefix)
    const left: number[] = []
    const wait = { topics: [topics.canonical('person')], group: topics.group('sink'), onProgress: (n: number) => left.push(n) }
    expect(await waitForGroup(kafka, { ...wait, patienceMs: 500 })).toBe(3)
    const worker = installation.worker('sink')
    expect(await waitForGroup(kafka, { ...wait, patienceMs: 30_000 })).toBe(0)
    await worker.stop()
    expect(left[0]).toBe(3)

    for (const { source, at } of sources) {
      const differences = await compareWithModel(installation.pool, manifest, { orgId: 'twin', source }, at.model)
      expect(differences.filter(({ entity }) => entity === 'person').every(isEqual), source).toBe(true)
    }
    expect(totalsOf(await replayOf('twin', 'canonical', 'person'))).toMatchObject({ records: 40, same: 40 })
  } finally {
    await Promise.all([main.close(), annex.close()])
  }
})

test('its reader leaves no group behind', async () => {
  const admin = createKafka({ brokers: [stackAddresses().kafka], clientId: 'test', log: silentLogger }).admin()
  await admin.connect()
  const { groups } = await admin.listGroups()
  await admin.disconnect()
  const own = groups.map(({ groupId }) => groupId).filter((groupId) => groupId.startsWith(installation.prefix))
  expect(own).toContain(`${installation.prefix}syncline.sink`)
  expect(own.filter((groupId) => groupId.includes('replay'))).toEqual([])
})

const HASHES = ['10000000-0000-0000-0000-000000000000', '20000000-0000-0000-0000-000000000000'] as const
const version: fc.Arbitrary<Version> = fc.record({
  sourceUpdatedAt: fc.option(fc.nat(2), { nil: null }),
  observedAt: fc.nat(2),
  mappingRevision: fc.nat(2),
  deleted: fc.boolean(),
  contentHash: fc.constantFrom(...HASHES),
})

test('which version wins is the same in SQL; a raised revision decides between living ones alone', async () => {
  const pairs = fc.sample(fc.tuple(version, version), 500)
  const row = ({ sourceUpdatedAt, observedAt, mappingRevision, deleted, contentHash }: Version) =>
    `row(${sourceUpdatedAt === null ? 'null' : `to_timestamp(${sourceUpdatedAt})`}, to_timestamp(${observedAt}), ${mappingRevision},
      ${deleted ? 'now()' : 'null'}, '${contentHash}')::pg_temp.version`
  const client = await installation.pool.connect()
  try {
    await client.query(`create type pg_temp.version as (source_updated_at timestamptz, observed_at timestamptz,
      mapping_revision int, deleted_at timestamptz, content_hash uuid)`)
    const values = pairs.map(([a, b], n) => `(${n}, ${row(a)}, ${row(b)})`).join(', ')
    const { rows } = await client.query<{ newer: boolean; replaces: boolean }>(
      `select ${newerSql('(a)', '(b)')} as newer, ${replacesWhenRaisedSql('(a)', '(b)')} as replaces
       from (values ${values}) as pairs(n, a, b) order by n`,
    )
    const raised = ([a, b]: readonly [Version, Version]): boolean =>
      isNewer({ ...a, mappingRevision: 9 }, b) ||
      (a.deleted && b.deleted && a.observedAt === b.observedAt && a.contentHash === b.contentHash)
    expect(rows.map(({ newer }) => newer)).toEqual(pairs.map(([a, b]) => isNewer(a, b)))
    expect(rows.map(({ replaces }) => replaces)).toEqual(pairs.map(raised))
  } finally {
    client.release(true)
  }
})
