// Records that are likely new go straight into their table: with the same end as by the usual way, and what speaks against it leaves no trace.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPool } from '../../platform/postgres.ts'
import { createExpectation, type Expectation } from '../../sinks/expectation.ts'
import { mergeBatch } from '../../sinks/postgres/merge.ts'
import { sweepAfter } from '../../sinks/postgres/sweep.ts'
import { createCountedRanges } from '../../sinks/seen.ts'
import { HINT_REVISION } from '../../topics/hints.ts'
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

const MANY = 600
const counted = createCountedRanges()

let db: TestDatabase
let orgId: string
let runId: string
beforeAll(async () => {
  db = await createTestDatabase()
  // Which way a statement wrote: the first word of it. Of those that were undone nothing is left.
  await db.pool.query(`
    create table public.ways (way text);
    create function public.note_way() returns trigger language plpgsql security definer as $$
      begin
        insert into public.ways values (split_part(btrim(current_query(), E' \\n'), ' ', 1));
        return null;
      end $$;
    create trigger note_way after insert on canonical.person for each statement execute function public.note_way();
    create trigger note_way after insert on canonical.address for each statement execute function public.note_way()`)
})
afterAll(() => db.drop())
beforeEach(async () => {
  ;({ orgId, runId } = await startRun(db.pool))
  await waysSince()
})

const person = (n: number, parts: Partial<RecordParts> = {}): BatchItem => ({
  entity: 'person',
  record: recordOf('person', { orgId, externalId: `${n}`, fields: { name: `Name ${n}` }, ...parts }),
  origin: `${runId}/0/0/1/${n}/${4 * MANY}`,
})
const people = (from: number, count = MANY): BatchItem[] => Array.from({ length: count }, (_, n) => person(from + n))

const merge = (items: readonly BatchItem[], expectation: Expectation, pool = db.pool) =>
  mergeBatch(pool, batchOf(items), counted, expectation)

/** After a batch by the usual way, of new rows. */
const expectingNew = async (first: readonly BatchItem[] = people(0)): Promise<Expectation> => {
  const expectation = createExpectation()
  await merge(first, expectation)
  await waysSince()
  return expectation
}

/** Of each statement that wrote rows since the last look. */
const waysSince = async (): Promise<readonly string[]> => {
  const { rows } = await db.pool.query<{ way: string }>(
    'with gone as (delete from public.ways returning way) select way from gone',
  )
  return rows.map(({ way }) => way.toLowerCase()).toSorted()
}

const rowsOf = async (table: string): Promise<readonly Record<string, unknown>[]> => {
  const { rows } = await db.pool.query(`select * from ${table} where org_id = $1 order by external_id`, [orgId])
  return rows
}
const landed = async () => {
  const { rows } = await db.pool.query(
    `select sum(bit_count(merged))::int as merged, sum(bit_count(unchanged))::int as unchanged, sum(bit_count(parked))::int as parked
     from sync.landings where run_id = $1`,
    [runId],
  )
  return rows[0]
}

describe('many records after many new ones', () => {
  test('are written by one COPY, and the rows are those of the usual way', async () => {
    const expectation = await expectingNew()
    const result = await merge(people(MANY), expectation)
    expect(await waysSince()).toEqual(['copy'])
    expect(result.counts).toMatchObject({ merged: MANY, unchanged: 0 })
    expect(await landed()).toMatchObject({ merged: 2 * MANY })
    const direct = await rowsOf('canonical.person')
    const { rows: asWritten } = await db.pool.query('select id from canonical.person where org_id = $1 order by ctid', [orgId])
    const written = asWritten.map(({ id }) => id).slice(MANY)
    expect(written).toEqual(written.toSorted())
    await db.pool.query('delete from canonical.person where org_id = $1', [orgId])
    await merge([...people(0), ...people(MANY)], createExpectation())
    expect(await waysSince()).toEqual(['insert'])
    expect(await rowsOf('canonical.person')).toEqual(direct)
    expect(direct.filter((row) => row['first_run_id'] === runId && row['last_changed_run_id'] === runId)).toHaveLength(2 * MANY)
  })

  test('with some that came a moment ago: those are judged, the others are new', async () => {
    const expectation = await expectingNew()
    const [again, newer] = [person(3), person(4, { sourceUpdatedAt: 1_500_000, fields: { name: 'Newer' } })]
    const { counts } = await merge([again, newer, ...people(MANY)], expectation)
    expect(await waysSince()).toEqual(['copy', 'insert'])
    expect(counts).toMatchObject({ merged: MANY + 1, unchanged: 1 })
    expect((await rowsOf('canonical.person')).find((row) => row['external_id'] === '4')).toMatchObject({ name: 'Newer' })
    await merge(people(2 * MANY), expectation)
    expect(await waysSince()).toEqual(['copy'])
  })

  test('with one that was told, of a row that stands: that is judged, and the next are new all the same', async () => {
    const expectation = await expectingNew()
    await merge([person(-1)], createExpectation())
    await waysSince()
    const told = { ...person(-1, { sourceUpdatedAt: 1_500_000, fields: { name: 'Told' } }), origin: '' }
    const { counts } = await merge([told, ...people(MANY)], expectation)
    expect(await waysSince()).toEqual(['copy', 'insert'])
    expect(counts).toMatchObject({ merged: MANY + 1 })
    await merge(people(2 * MANY), expectation)
    expect(await waysSince()).toEqual(['copy'])
  })

  test('of which one stands already are judged, and the newer version of it stays', async () => {
    const expectation = await expectingNew()
    const standing = person(MANY + 7, { sourceUpdatedAt: 9_000_000, fields: { name: 'Standing' } })
    await merge([standing], createExpectation())
    await waysSince()
    const { counts } = await merge(people(MANY), expectation)
    expect(await waysSince()).toEqual(['insert'])
    expect(counts).toMatchObject({ merged: MANY - 1, stale: 1 })
    const rows = await rowsOf('canonical.person')
    expect(rows).toHaveLength(2 * MANY)
    expect(rows.find((row) => row['external_id'] === `${MANY + 7}`)).toMatchObject({ name: 'Standing' })
    // The next are not tried as new: some of what came stood.
    await merge(people(2 * MANY), expectation)
    expect(await waysSince()).toEqual(['insert'])
  })

  test('that come twice end as once', async () => {
    const expectation = await expectingNew()
    await merge(people(MANY), expectation)
    const { counts } = await merge(people(MANY), await expectingNew(people(3 * MANY)))
    expect(counts).toMatchObject({ merged: 0, unchanged: MANY })
    expect(await landed()).toMatchObject({ merged: 3 * MANY, unchanged: 0 })
  })

  test('of which the table refuses one cost that one only', async () => {
    await db.pool.query("alter table canonical.person add constraint no_poison check (nickname <> 'poison')")
    try {
      const expectation = await expectingNew()
      const poison = person(2 * MANY, { fields: { nickname: 'poison' } })
      const { refused, counts } = await merge([...people(MANY), poison], expectation)
      expect(counts).toMatchObject({ merged: MANY })
      expect(refused).toMatchObject([
        { record: { encoded: { externalId: `${2 * MANY}` } }, why: expect.stringContaining('no_poison') },
      ])
      expect(await rowsOf('canonical.person')).toHaveLength(2 * MANY)
      await waysSince()
      await merge(people(3 * MANY), expectation)
      expect(await waysSince()).toEqual(['insert'])
    } finally {
      await db.pool.query('alter table canonical.person drop constraint no_poison')
    }
  })

  test('that were told to be deleted, of what was never there, are asked for', async () => {
    const expectation = await expectingNew()
    const told = person(2 * MANY, { sourceUpdatedAt: null, deletedAt: 3_000_000, mappingRevision: HINT_REVISION })
    const seen = person(2 * MANY + 1, { sourceUpdatedAt: null, deletedAt: 3_000_000 })
    const { entities } = await merge([...people(MANY), told, seen], expectation)
    expect(await waysSince()).toEqual(['copy'])
    const asked = entities.flatMap(({ records, doubtful }) => doubtful.map((pos) => records[pos]?.encoded.externalId))
    expect(asked).toEqual([`${2 * MANY}`])
  })
})

describe('children', () => {
  const address = (n: number, owner: number): BatchItem => ({
    entity: 'address',
    record: recordOf('address', {
      ...{ orgId, externalId: `a${n}` },
      fields: { city: 'Bern', personId: idOf(orgId, 'person', `${owner}`) },
    }),
    origin: `${runId}/1/0/1/${n}/${4 * MANY}`,
  })
  const addresses = (from: number): BatchItem[] => Array.from({ length: MANY }, (_, n) => address(from + n, n))

  test('whose parents are there are new rows; one whose parent is not is parked, and found when the parent comes', async () => {
    const expectation = createExpectation()
    await merge(people(0), expectation)
    await merge(addresses(0), expectation)
    await waysSince()
    await merge(addresses(MANY), expectation)
    expect(await waysSince()).toEqual(['copy'])
    const { counts } = await merge([...addresses(2 * MANY), address(3 * MANY, MANY)], expectation)
    expect(await waysSince()).toEqual(['insert'])
    expect(counts).toMatchObject({ merged: MANY, parked: 1 })
    // The parent comes straight into its table as well: its child is found all the same.
    const result = await merge(people(MANY), expectation)
    expect(await waysSince()).toEqual(['copy'])
    expect(await sweepAfter(db.pool, result, nothingRefused)).toBe(1)
    expect(await rowsOf('canonical.address')).toHaveLength(3 * MANY + 1)
    expect(await landed()).toMatchObject({ parked: 0 })
  })
})

test('a role that may write and does not own the table is not refused for it', async () => {
  const role = `writer_${orgId.replaceAll('-', '_')}`
  await db.pool.query(`create role ${role} login password 'x'`)
  try {
    await db.pool.query(`
      grant usage on schema canonical, sync to ${role};
      grant select, insert, update, delete on all tables in schema canonical, sync to ${role};
      grant execute on all functions in schema canonical, sync to ${role}`)
    const url = Object.assign(new URL(db.url), { username: role, password: 'x' })
    const pool = createPool({ url: url.href, max: 1 })
    const expectation = createExpectation()
    await merge(people(0), expectation, pool)
    const { counts } = await merge(people(MANY), expectation, pool)
    expect(counts).toMatchObject({ merged: MANY })
    // It is not tried again: what was undone for another reason would be, after another of new rows.
    await merge(people(2 * MANY), expectation, pool)
    expect(expectation.share('person', batchOf(people(3 * MANY)).records).fresh).toEqual([])
    await pool.end()
    expect(await waysSince()).toEqual(['insert', 'insert', 'insert'])
  } finally {
    await db.pool.query(`drop owned by ${role}; drop role ${role}`)
  }
})
