// What PostgreSQL refuses though it is a record: its neighbours lose nothing by it, neither their row nor much time.
import pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { markReplaying } from '../../ledger/dead-letter-actions.ts'
import { recordDeadLetters } from '../../ledger/dead-letters.ts'
import type { GatheredBatch } from '../../sinks/batch.ts'
import { refusedParked, registrable } from '../../sinks/dead-letters.ts'
import { createGatherer } from '../../sinks/gather.ts'
import { mergeBatch } from '../../sinks/postgres/merge.ts'
import type { RefusedParked } from '../../sinks/postgres/refused-parked.ts'
import { sweepAfter, sweepParked } from '../../sinks/postgres/sweep.ts'
import { createCountedRanges } from '../../sinks/seen.ts'
import { encodePlace } from '../../topics/dead-letters.ts'
import {
  type BatchItem,
  batchOf,
  createTestDatabase,
  idOf,
  nothingRefused,
  type RecordParts,
  recordOf,
  startRun,
  type TestDatabase,
} from './sink-fixtures.ts'

let db: TestDatabase
let orgId: string
let runId: string
beforeAll(async () => {
  db = await createTestDatabase()
  // None of these is ours: an operator may add them, and only the first two can be asked for.
  await db.pool.query(`
    alter table canonical.person add constraint no_poison check (nickname <> 'poison');
    alter table canonical.person add constraint some_gender check (name = 'nobody' or gender is not null) not valid;
    create unique index one_login on canonical.person (org_id, login_identifier);
    create function no_trigger() returns trigger language plpgsql as $$
      begin
        if new.membership = 'poison' then raise exception using errcode = 'check_violation'; end if;
        return new;
      end $$;
    create trigger no_trigger before insert or update on canonical.person for each row execute function no_trigger();
    alter table canonical.address add constraint no_city check (city <> 'poison')`)
})
afterAll(() => db.drop())
beforeEach(async () => {
  ;({ orgId, runId } = await startRun(db.pool))
})
afterEach(() => {
  vi.restoreAllMocks()
})

const counted = createCountedRanges()
const PEOPLE = 600

const person = (i: number, fields: RecordParts['fields']) => ({
  entity: 'person',
  record: recordOf('person', { orgId, externalId: `${i}`, fields: { name: `Name ${i}`, gender: 'any', ...fields } }),
  origin: `${runId}/0/0/1/${i}/${PEOPLE}`,
})
const address = (i: number, city: string) => ({
  entity: 'address',
  record: recordOf('address', { orgId, externalId: `${i}`, fields: { city, personId: idOf(orgId, 'person', `${i}`) } }),
})

/** What the encoder would never let through: text that is not UTF-8. */
const broken = (batch: GatheredBatch, ids: ReadonlySet<string>): GatheredBatch => {
  for (const { entity, encoded } of batch.records) {
    if (entity !== 'person' || !ids.has(encoded.externalId)) continue
    const { slab, start, end } = encoded.row
    slab[start + slab.subarray(start, end).indexOf('Name')] = 0xff
  }
  return batch
}

const externalIds = async (table: string): Promise<string[]> => {
  const { rows } = await db.pool.query(`select external_id id from ${table} where org_id = $1 order by external_id::int`, [orgId])
  return rows.map(({ id }) => id)
}

/** How often rows were copied from now on. */
const countCopies = (): (() => number) => {
  const spy = vi.spyOn(pg.Client.prototype, 'query')
  const textOf = (query: unknown): string =>
    typeof query === 'object' && query !== null && 'text' in query ? String(query.text) : ''
  return () => spy.mock.calls.filter(([query]) => textOf(query).startsWith('copy')).length
}

test('of a batch that is refused for several reasons the good are merged and exactly the bad are named', async () => {
  const bad: Readonly<Record<string, RecordParts['fields']>> = {
    ...Object.fromEntries(Array.from({ length: 60 }, (_, n) => [n * 10, { nickname: 'poison' }])),
    5: { gender: null },
    105: { membership: 'poison' },
    106: { membership: 'poison' },
    599: { membership: 'poison' },
    206: { loginIdentifier: 'taken' },
  }
  const reasons = new Map<string, string>([
    ...Object.keys(bad).map((id): [string, string] => [id, 'SQLSTATE 23514 at no_poison']),
    ['5', 'SQLSTATE 23514 at some_gender'],
    ...['105', '106', '599'].map((id): [string, string] => [id, 'SQLSTATE 23514']),
    ['206', 'SQLSTATE 23505 at one_login'],
    ...['0', '301', '302'].map((id): [string, string] => [id, 'SQLSTATE 22021 at name']),
  ])
  await mergeBatch(db.pool, batchOf([person(5_000, { loginIdentifier: 'taken' })]), counted)
  const people = Array.from({ length: PEOPLE }, (_, i) => person(i, bad[i]))
  const batch = batchOf([...people, address(1, 'Bern'), address(2, 'poison'), address(3, 'Chur')])

  const copies = countCopies()
  const { refused, counts } = await mergeBatch(db.pool, broken(batch, new Set(['0', '301', '302'])), counted)
  const ofPeople = refused.filter(({ record }) => record.entity === 'person')
  const named = new Map(ofPeople.map(({ record, why }) => [record.encoded.externalId, why.replace(/ at no_trigger$/, '')]))
  expect(Object.fromEntries(named)).toEqual(Object.fromEntries(reasons))
  expect(refused.filter(({ record }) => record.entity === 'address')).toMatchObject([{ why: 'SQLSTATE 23514 at no_city' }])
  const good = people.map(({ record }) => record.externalId).filter((id) => !reasons.has(id))
  expect(await externalIds('canonical.person')).toEqual([...good, '5000'])
  expect(await externalIds('canonical.address')).toEqual(['1', '3'])
  expect(counts).toMatchObject({ merged: good.length + 2, dead: 0 })
  // For each row that COPY refused two, and three that grow from there to the next; one for each entity; none for what tables refused.
  expect(copies()).toBeLessThanOrEqual(3 * (2 + 3) + 2)

  const { rows } = await db.pool.query(
    'select bit_count(merged)::int merged, complete from sync.landings where run_id = $1 and expected = $2',
    [runId, PEOPLE],
  )
  expect(rows).toEqual([{ merged: good.length, complete: false }])
})

describe('a parked row that its table refuses', () => {
  const onTopic = (i: number, city: string, more: Partial<BatchItem> = {}): BatchItem => ({
    ...address(i, city),
    origin: `${runId}/1/0/1/${i}/4`,
    value: Buffer.from(`record ${i}`),
    ...more,
  })
  const people = () => batchOf([1, 2, 3].map((i) => person(i, {})))
  const outcomes = async () => {
    const { rows } = await db.pool.query(
      "select merged::text, parked::text, dead::text from sync.landings where run_id = $1 and entity = 'address'",
      [runId],
    )
    return rows[0]
  }

  test('becomes a dead letter of its bytes in the place that it came with; its neighbours are swept', async () => {
    const parked = batchOf([onTopic(1, 'Bern'), onTopic(2, 'poison'), onTopic(3, 'Chur')])
    await mergeBatch(db.pool, parked, counted)
    expect(await outcomes()).toEqual({ merged: '0000', parked: '0111', dead: '0000' })
    const buried: RefusedParked[] = []
    const swept = await sweepAfter(
      db.pool,
      await mergeBatch(db.pool, people(), counted),
      async (rows) => void buried.push(...rows),
    )
    expect(swept).toBe(3)
    expect(await externalIds('canonical.address')).toEqual(['1', '3'])
    expect(await externalIds('sync.parked_address')).toEqual([])
    expect(await outcomes()).toEqual({ merged: '0101', parked: '0000', dead: '0010' })
    const origin = { runId, rangeId: 1, page: 0, attempt: 1, index: 2, count: 4 }
    const letter = { orgId, source: 'pco', entity: 'address', externalId: '2', stage: 'sink', code: 'constraint', origin }
    expect(buried.map(refusedParked)).toMatchObject([{ letter, value: Buffer.from('record 2') }])
    expect(buried[0]?.why).toBe('SQLSTATE 23514 at no_city')
  })

  test('stays until its letter is on Kafka, and is found again by the next sweep, which waits for it', async () => {
    await mergeBatch(db.pool, batchOf([onTopic(2, 'poison')]), counted)
    const away = () => Promise.reject(new Error('Kafka is away'))
    await expect(sweepAfter(db.pool, await mergeBatch(db.pool, people(), counted), away)).rejects.toThrow('Kafka is away')
    expect(await externalIds('sync.parked_address')).toEqual(['2'])
    expect(await outcomes()).toMatchObject({ parked: '0010', dead: '0000' })

    const order: string[] = []
    const bury = async () => void order.push('buried')
    const done = async () => void order.push('swept')
    expect(await sweepParked(db.pool, orgId, 'address', bury, done)).toBe(1)
    expect(order).toEqual(['buried', 'swept'])
    expect(await externalIds('sync.parked_address')).toEqual([])
    expect(await outcomes()).toMatchObject({ parked: '0000', dead: '0010' })
  })

  test('that had been replayed is waited for by the letter of that replay, as one round more of it', async () => {
    const place = { topic: `letters-${orgId}`, partition: 0, offset: 7n }
    const first = {
      orgId,
      source: 'pco',
      entity: 'address',
      externalId: '2',
      stage: 'sink',
      code: 'constraint',
      reason: 'was',
    } as const
    const origin = { runId, rangeId: 1, page: 0, attempt: 1, index: 2, count: 4 }
    await recordDeadLetters(db.pool, [{ ...first, ...place, origin, bytes: 8, round: 0 }])
    await markReplaying(db.pool, [place], 'ana')
    await mergeBatch(db.pool, batchOf([onTopic(2, 'poison', { replays: encodePlace(place) })]), counted)
    const letters = async () => {
      const { rows } = await db.pool.query(
        'select state, outcome, round from sync.dead_letters where topic = $1 order by round',
        [place.topic],
      )
      return rows
    }
    expect(await letters()).toEqual([{ state: 'replayed', outcome: 'parked', round: 0 }])

    const buried: RefusedParked[] = []
    await sweepAfter(db.pool, await mergeBatch(db.pool, people(), counted), async (rows) => void buried.push(...rows))
    const [rejected] = buried.map(refusedParked)
    if (rejected === undefined) throw new Error('Nothing was buried')
    const gatherer = createGatherer({ maxRecords: 10, maxBytes: 1_000 }, 1)
    const header = `${runId}/1/0/1/2/4`
    gatherer.deadLetter(registrable(rejected.letter, { ...place, offset: 8n }, rejected.value.length), header)
    await mergeBatch(db.pool, gatherer.take(), counted)
    expect(await letters()).toEqual([
      { state: 'replayed', outcome: 'dead', round: 0 },
      { state: 'open', outcome: null, round: 1 },
    ])
  })

  test('of which nothing but the row was kept stays parked', async () => {
    await mergeBatch(db.pool, batchOf([address(2, 'poison')]), counted)
    await sweepAfter(db.pool, await mergeBatch(db.pool, people(), counted), nothingRefused)
    expect(await externalIds('sync.parked_address')).toEqual(['2'])
  })
})

test('whatever the encoder lets through PostgreSQL takes, at the limits of each type', async () => {
  const nested = (depth: number) => `${'['.repeat(depth)}${']'.repeat(depth)}`
  // Of no pattern that compression would find.
  const incompressible = (bytes: number) =>
    Array.from({ length: bytes }, (_, i) => String.fromCharCode(33 + ((i * i * 7919 + i * 104_729 + (i >> 3) * 31) % 90))).join(
      '',
    )
  const limits: readonly RecordParts['fields'][] = [
    { birthdate: 10_957 - 2_451_545, createdAt: (10_957 - 2_451_545) * 86_400_000 },
    { birthdate: 10_957 + 2_145_031_948, createdAt: 8.64e15 },
    { directorySharedInfo: nested(1_000) },
    { directorySharedInfo: '[1e999, 1e-999, -0]', resourcePermissionFlags: '9'.repeat(9_999) },
    { directorySharedInfo: '"\\ud800 \\u0000 \\ud83d\\ude00"', name: 'a\0\ud800' },
  ]
  const items = limits.map((fields, i) => person(i, fields))
  const longIds = [1, 2].map((n) => ({
    entity: 'person',
    record: recordOf('person', {
      orgId: n === 1 ? orgId : incompressible(2_000),
      externalId: incompressible(2_000 - n),
      fields: { gender: 'any' },
    }),
  }))
  const { refused, counts } = await mergeBatch(db.pool, batchOf([...items, ...longIds]), counted)
  expect(refused).toEqual([])
  expect(counts.merged).toBe(limits.length + 2)
})
