// Records that likely stand in their table as they are: found by key and hash alone, with the same end as by the usual way.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createPool, type Pool } from '../../platform/postgres.ts'
import { createExpectation, type Expectation } from '../../sinks/expectation.ts'
import { stagingTable } from '../../sinks/postgres/ddl.ts'
import { type Layout, layouts } from '../../sinks/postgres/layout.ts'
import { mergeBatch } from '../../sinks/postgres/merge.ts'
import { createCountedRanges } from '../../sinks/seen.ts'
import { HINT_OBSERVED_AT } from '../../topics/hints.ts'
import {
  type BatchItem,
  batchOf,
  createTestDatabase,
  type RecordParts,
  recordOf,
  startRun,
  type TestDatabase,
} from './sink-fixtures.ts'

const MANY = 600
const SEEN_LATER = 5_000_000
const counted = createCountedRanges()
const layout = layouts.find(({ entity }) => entity === 'person') as Layout

let db: TestDatabase
/** Of one connection, whose staging table tells what was staged last. */
let pool: Pool
let orgId: string
let runId: string
beforeAll(async () => {
  db = await createTestDatabase()
  pool = createPool({ url: db.url, max: 1 })
})
afterAll(async () => {
  await pool?.end()
  await db?.drop()
})
beforeEach(async () => {
  ;({ orgId, runId } = await startRun(db.pool))
})

const person = (n: number, parts: Partial<RecordParts> = {}): BatchItem => ({
  entity: 'person',
  record: recordOf('person', { orgId, externalId: `${n}`, fields: { name: `Name ${n}` }, ...parts }),
  origin: `${runId}/0/0/1/${n}/${4 * MANY}`,
})
const people = (parts: Partial<RecordParts> = {}, count = MANY): BatchItem[] =>
  Array.from({ length: count }, (_, n) => person(n, parts))

const merge = async (items: readonly BatchItem[], expectation = createExpectation()) => {
  await pool.query(`${stagingTable(layout)}; truncate ${layout.staged}`)
  return mergeBatch(pool, batchOf(items), counted, expectation)
}
const staged = async (): Promise<readonly string[]> => {
  const { rows } = await pool.query<{ external_id: string }>(`select external_id from ${layout.staged} order by pos`)
  return rows.map(({ external_id }) => external_id)
}

/** All of `first` stand, and have come again. */
const expectingUnchanged = async (first: readonly BatchItem[] = people()): Promise<Expectation> => {
  const expectation = createExpectation()
  await merge(first)
  await merge(first, expectation)
  expect(await staged()).toHaveLength(first.length)
  return expectation
}

const table = async (): Promise<ReadonlyMap<unknown, Record<string, unknown>>> => {
  const { rows } = await db.pool.query('select *, xmin, ctid from canonical.person where org_id = $1', [orgId])
  return new Map(rows.map((row) => [row.external_id, row]))
}

test('only what changed is staged and written; each record has the outcome that the usual way gives it', async () => {
  const expectation = await expectingUnchanged()
  const before = await table()
  const newer = { sourceUpdatedAt: 3_000_000, observedAt: SEEN_LATER, fields: { name: 'Newer' } }
  const older = { sourceUpdatedAt: 500_000, observedAt: 1_000_000, fields: { name: 'Older' } }
  const again = people({ observedAt: SEEN_LATER })
  again[7] = person(7, newer)
  again[8] = person(8, older)
  const nextPage = [...again, person(MANY)].map((item) => ({ ...item, origin: item.origin?.replace('/0/0/1/', '/0/1/1/') ?? '' }))
  const { counts, entities } = await merge(nextPage, expectation)
  expect((await staged()).toSorted()).toEqual(['7', '8', `${MANY}`].toSorted())
  expect(counts).toEqual({ merged: 2, unchanged: MANY - 2, stale: 1, parked: 0, dead: 0 })
  expect(entities[0]?.records).toHaveLength(MANY + 1)
  const now = await table()
  expect(now.get('7')).toMatchObject({ name: 'Newer' })
  expect(now.size).toBe(MANY + 1)
  // Not one of the others was written.
  for (const [id, row] of before) if (id !== '7') expect(now.get(id)).toEqual(row)
  const { rows } = await db.pool.query(
    `select bit_count(merged)::int as merged, bit_count(unchanged)::int as unchanged, bit_count(stale)::int as stale
     from sync.landings where run_id = $1 and page = 1`,
    [runId],
  )
  expect(rows).toEqual([{ merged: 2, unchanged: MANY - 2, stale: 1 }])
})

test('a row that was told of is observed now, and says so', async () => {
  const told = { observedAt: HINT_OBSERVED_AT }
  const expectation = await expectingUnchanged([person(MANY, told), ...people()])
  await merge([...people({ observedAt: SEEN_LATER }), person(MANY, { observedAt: SEEN_LATER })], expectation)
  expect(await staged()).toEqual([`${MANY}`])
  expect((await table()).get(`${MANY}`)?.['observed_at']).toEqual(new Date(SEEN_LATER))
})

test('a record whose source says no time, and one that is gone, are judged in full: when they were seen last counts', async () => {
  const kinds = [person(MANY, { sourceUpdatedAt: null }), person(MANY + 1, { sourceUpdatedAt: 1_000_000, deletedAt: 1_500_000 })]
  const later = kinds.map((item) => ({ ...item, record: { ...item.record, observedAt: SEEN_LATER } }))
  const expectation = await expectingUnchanged([...people(), ...kinds])
  await merge([...people(), ...later], expectation)
  expect(await staged()).toEqual([`${MANY}`, `${MANY + 1}`])
  const now = await table()
  for (const id of [`${MANY}`, `${MANY + 1}`]) expect(now.get(id)?.['observed_at']).toEqual(new Date(SEEN_LATER))
})

test('the same ids in another organisation, whatever it is called, are others', async () => {
  const expectation = await expectingUnchanged()
  const strange = `a,b"{}\\${orgId}`
  const stranger = person(0, { orgId: strange })
  const same = { ...stranger, record: { ...stranger.record, id: person(0).record.id }, origin: '' }
  const { counts } = await merge([...people({}, MANY).slice(1), same], expectation)
  expect(await staged()).toEqual(['0'])
  expect(counts).toMatchObject({ merged: 1, unchanged: MANY - 1 })
})

test('a batch that mostly changed ends it', async () => {
  const expectation = await expectingUnchanged()
  const changed = people({ sourceUpdatedAt: 3_000_000, fields: { name: 'Changed' } })
  await merge(changed, expectation)
  await merge(changed, expectation)
  expect(await staged()).toHaveLength(MANY)
  await merge(changed, expectation)
  expect(await staged()).toEqual([])
})
