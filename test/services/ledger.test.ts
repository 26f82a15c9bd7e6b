// The protocol of the ledger on a real PostgreSQL: taking, receipts, landings, planning; each claim under the repetition it must survive.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { changeEntities, planRun } from '../../ledger/entities.ts'
import { type Landing, moveOutcomes, recordLandings } from '../../ledger/landings.ts'
import { openConnection, saveConnection } from '../../ledger/organisations.ts'
import { ensurePartitions } from '../../ledger/partitions.ts'
import { entityProgress } from '../../ledger/progress.ts'
import {
  insertRanges,
  openPages,
  rangesThatWait,
  releaseRange,
  splitRange,
  takeRange,
  wakeDueRanges,
} from '../../ledger/ranges.ts'
import { type Receipt, writeReceipts } from '../../ledger/receipts.ts'
import { missingPages, runReport } from '../../ledger/report.ts'
import { dropExpiredPages, RETENTION_DAYS } from '../../ledger/retention.ts'
import { changeRun, createRun, findRun } from '../../ledger/runs.ts'
import { renewLease } from '../../ledger/workers.ts'
import { inTransaction, type Pool, type Queryable } from '../../platform/postgres.ts'
import { uuidv7 } from '../../platform/uuid.ts'
import type { FetchCommand } from '../../topics/commands.ts'
import { plannedEntity } from '../harness/planned-entity.ts'
import { type FreshLedger, freshLedger, KEYSET_WALK, keyRing, receiptOf } from './ledger-fixtures.ts'

let ledger: FreshLedger
let pool: Pool
const key = keyRing(7)
const worker = uuidv7()
const other = uuidv7()
let org = ''
let runId = ''
let organisations = 0

const newRange = (entity: string) => ({ spec: { entity, walk: KEYSET_WALK, carries: [] }, counted: false })
const newRun = () => ({ orgId: org, source: 'pco', adapter: 'pco', strategy: 'full' as const, selection: ['person'] })

const command = (epoch: number, rangeId = 0): FetchCommand => ({
  type: 'fetch',
  runId,
  orgId: org,
  source: 'pco',
  adapter: 'pco',
  entity: 'person',
  rangeId,
  epoch,
})

const receipt = (epoch: number, page: number, more: Partial<Receipt> = {}): Receipt => receiptOf(runId, epoch, page, more)

const landing = (page: number, attempt: number, bits: Partial<Landing>): Landing => ({
  runId,
  rangeId: 0,
  page,
  attempt,
  entity: 'person',
  count: 4,
  merged: '0000',
  unchanged: '0000',
  stale: '0000',
  parked: '0000',
  dead: '0000',
  ...bits,
})

const person = async () => (await runReport(pool, runId)).find((entity) => entity.entity === 'person')

beforeAll(async () => {
  ledger = await freshLedger()
  pool = ledger.pool
})

afterAll(async () => {
  await ledger?.remove()
})

const newOrganisation = async (): Promise<void> => {
  org = `org-${organisations++}`
  await saveConnection(pool, key, {
    orgId: org,
    source: 'pco',
    adapter: 'pco',
    baseUrl: null,
    settings: {},
    rateLimit: null,
    credential: 'id:secret',
  })
  await Promise.all([renewLease(pool, worker, ['fetch']), renewLease(pool, other, ['fetch'])])
  runId = await createRun(pool, newRun())
  await planRun(pool, runId, [plannedEntity('person')])
  await changeEntities(pool, runId, [{ entity: 'person', from: 'waiting', to: 'fetching', ranges: [newRange('person')] }])
}

beforeEach(newOrganisation)

describe('planning', () => {
  test('two leaders plan a run once', async () => {
    await changeRun(pool, runId, 'cancel')
    runId = await createRun(pool, newRun())
    const results = await Promise.all([
      planRun(pool, runId, [plannedEntity('person')]),
      planRun(pool, runId, [plannedEntity('person')]),
    ])
    expect(results.filter(Boolean)).toHaveLength(1)
    const change = { entity: 'person', from: 'waiting', to: 'fetching', ranges: [newRange('person')] } as const
    const started = await Promise.all([changeEntities(pool, runId, [change]), changeEntities(pool, runId, [change])])
    expect(started.flatMap((changed) => [...changed])).toEqual(['person'])
    const { rows } = await pool.query('select range_id from sync.ranges where run_id = $1', [runId])
    expect(rows).toEqual([{ range_id: 0 }])
  })

  test('a second full run of an organisation is refused and names the holder', async () => {
    await expect(createRun(pool, newRun())).rejects.toMatchObject({
      code: 'already-running',
      details: { runId, state: 'running' },
    })
  })

  test('of two at the same moment one begins', async () => {
    await changeRun(pool, runId, 'cancel')
    const results = await Promise.allSettled([createRun(pool, newRun()), createRun(pool, newRun())])
    expect(results.map((result) => result.status).sort()).toEqual(['fulfilled', 'rejected'])
  })

  test('ranges that two entities start at once are numbered apart', async () => {
    await Promise.all(
      ['a', 'b', 'c'].map((entity) =>
        inTransaction(pool, (client) => insertRanges(client, runId, [newRange(entity), newRange(entity)])),
      ),
    )
    const { rows } = await pool.query<{ range_id: number }>('select range_id from sync.ranges where run_id = $1 order by 1', [
      runId,
    ])
    expect(rows.map((row) => row.range_id)).toEqual([0, 1, 2, 3, 4, 5, 6])
  })
})

describe('taking a range', () => {
  test('a command that comes twice takes the range once', async () => {
    const taken = await Promise.all([takeRange(pool, command(0), worker), takeRange(pool, command(0), other)])
    expect(taken.filter((range) => range !== undefined)).toHaveLength(1)
    expect(await takeRange(pool, command(0), worker)).toBeUndefined()
    expect(await takeRange(pool, command(1), worker)).toBeUndefined()
  })

  test('a released range is taken under a higher epoch, an old command no more', async () => {
    const range = await takeRange(pool, command(0), worker)
    await releaseRange(pool, { runId, rangeId: 0, epoch: range?.epoch ?? 0 }, worker, { wakeInMs: 0, waitingFor: null })
    expect(await takeRange(pool, command(0), other)).toBeUndefined()
    expect(await takeRange(pool, command(1), other)).toMatchObject({ epoch: 2 })
  })

  test('what a lapsed worker held can be taken, and its receipt is refused', async () => {
    await takeRange(pool, command(0), worker)
    await pool.query("update sync.workers set renewed_at = now() - interval '21 seconds' where worker_id = $1", [worker])
    expect(await takeRange(pool, command(1), other)).toMatchObject({ epoch: 2, nextPage: 0 })
    expect(await writeReceipts(pool, worker, [receipt(1, 0)])).toMatchObject([{ outcome: 'refused' }])
    expect(await writeReceipts(pool, other, [receipt(2, 0)])).toMatchObject([{ outcome: 'accepted' }])
  })

  test('a paused or cancelled run gives no range away', async () => {
    await changeRun(pool, runId, 'pause')
    expect(await takeRange(pool, command(0), worker)).toBeUndefined()
    expect(await wakeDueRanges(pool, 10)).not.toContainEqual(expect.objectContaining({ runId }))
    await changeRun(pool, runId, 'resume')
    expect(await takeRange(pool, command(0), worker)).toBeDefined()
  })

  test('a due range is woken once and again later; one that a living worker holds is not', async () => {
    const mine = async () => (await wakeDueRanges(pool, 100)).filter((woken) => woken.runId === runId)
    expect(await mine()).toEqual([command(0)])
    expect(await mine()).toEqual([])
    await takeRange(pool, command(0), worker)
    await pool.query('update sync.ranges set wake_at = now() where run_id = $1', [runId])
    expect(await mine()).toEqual([])
    await pool.query("update sync.workers set renewed_at = now() - interval '21 seconds' where worker_id = $1", [worker])
    expect(await mine()).toEqual([command(1)])
  })

  test('one whose command nobody has taken for a second is for any fetcher, until it is taken', async () => {
    const mine = async () => (await rangesThatWait(pool, 100)).filter((waiting) => waiting.runId === runId)
    const passed = (seconds: number) =>
      pool.query('update sync.ranges set emitted_at = emitted_at - make_interval(secs => $2) where run_id = $1', [runId, seconds])
    expect(await mine()).toEqual([])
    await wakeDueRanges(pool, 100)
    await passed(1)
    expect(await mine()).toEqual([command(0)])
    await changeRun(pool, runId, 'pause')
    expect(await mine()).toEqual([])
    await changeRun(pool, runId, 'resume')
    await takeRange(pool, command(0), worker)
    await passed(1)
    expect(await mine()).toEqual([])
    await releaseRange(pool, command(1), worker, { wakeInMs: 0, waitingFor: 'limit' })
    expect(await mine()).toEqual([])
    await wakeDueRanges(pool, 100)
    await passed(1)
    expect(await mine()).toEqual([command(1)])
    await takeRange(pool, command(1), worker)
    await writeReceipts(pool, worker, [receipt(2, 0, { release: true })])
    await passed(1)
    expect(await mine()).toEqual([command(2)])
    await passed(60)
    expect(await mine()).toEqual([])
  })

  test('of two organisations each has its turn', async () => {
    const first = runId
    await inTransaction(pool, (client) => insertRanges(client, first, [newRange('person'), newRange('person')]))
    await newOrganisation()
    const emitted = 'update sync.ranges set emitted_at = now() - make_interval(secs => $2) where run_id = $1'
    await pool.query(emitted, [first, 3])
    await pool.query(emitted, [runId, 2])
    const both = new Set((await rangesThatWait(pool, 2)).map((waiting) => waiting.runId))
    expect(both).toEqual(new Set([first, runId]))
  })
})

describe('receipts', () => {
  test('each advances its range by one page; the same again is recognised, a gap refused', async () => {
    await takeRange(pool, command(0), worker)
    expect(await writeReceipts(pool, worker, [receipt(1, 0)])).toMatchObject([{ outcome: 'accepted', runState: 'running' }])
    expect(await writeReceipts(pool, worker, [receipt(1, 0)])).toMatchObject([{ outcome: 'repeated' }])
    expect(await writeReceipts(pool, worker, [receipt(1, 2)])).toMatchObject([{ outcome: 'refused' }])
    expect(await writeReceipts(pool, other, [receipt(1, 1)])).toMatchObject([{ outcome: 'refused' }])
    expect(await person()).toMatchObject({ pages: 1, fetched: 4, calls: 1, missing: 4 })
  })

  test('those of many ranges are written in one statement and answered each for itself', async () => {
    await inTransaction(pool, (client) => insertRanges(client, runId, [newRange('person'), newRange('person')]))
    await takeRange(pool, command(0, 0), worker)
    await takeRange(pool, command(0, 2), worker)
    const results = await writeReceipts(pool, worker, [
      receipt(1, 0),
      receipt(1, 0, { rangeId: 1 }),
      receipt(1, 0, { rangeId: 2, next: null }),
    ])
    expect(results.map((result) => result.outcome)).toEqual(['accepted', 'refused', 'accepted'])
    const { rows } = await pool.query('select state from sync.ranges where run_id = $1 order by range_id', [runId])
    expect(rows.map((row) => row['state'])).toEqual(['open', 'open', 'ended'])
  })

  test('a split keeps the first part and adds the others, once', async () => {
    const range = await takeRange(pool, command(0), worker)
    if (range === undefined) throw new Error('not taken')
    const parts = [
      { ...KEYSET_WALK, to: 'b', split: false },
      { ...KEYSET_WALK, from: 'b', split: false },
    ]
    await inTransaction(pool, (client) => splitRange(client, range, parts))
    await inTransaction(pool, (client) => splitRange(client, { ...range, epoch: range.epoch - 1 }, parts))
    const { rows } = await pool.query("select spec -> 'walk' as walk from sync.ranges where run_id = $1 order by range_id", [
      runId,
    ])
    expect(rows.map((row) => row['walk'])).toEqual(parts)
  })
})

describe('landings', () => {
  const open = async () => (await entityProgress(pool, [runId])).get(runId)?.[0]?.openLandings

  beforeEach(async () => {
    await takeRange(pool, command(0), worker)
  })

  test('one that comes before its receipt counts as soon as the receipt is there', async () => {
    await recordLandings(pool, [landing(0, 1, { merged: '1111' })])
    expect(await person()).toMatchObject({ fetched: 0, merged: 0 })
    await writeReceipts(pool, worker, [receipt(1, 0, { next: null })])
    expect(await person()).toMatchObject({ fetched: 4, merged: 4, missing: 0 })
    await changeEntities(pool, runId, [{ entity: 'person', from: 'fetching', to: 'landing' }])
    expect(await open()).toBe(0)
  })

  test('of two attempts of a page only the accepted one counts, whichever lands first', async () => {
    await recordLandings(pool, [landing(0, 1, { merged: '1111' })])
    await releaseRange(pool, { runId, rangeId: 0, epoch: 1 }, worker, { wakeInMs: 0, waitingFor: null })
    await takeRange(pool, command(1), other)
    await writeReceipts(pool, other, [receipt(2, 0, { next: null })])
    await changeEntities(pool, runId, [{ entity: 'person', from: 'fetching', to: 'landing' }])
    expect(await open()).toBe(1)
    expect(await missingPages(pool, runId)).toMatchObject([{ page: 0, attempt: 2, missing: [0, 1, 2, 3] }])
    await recordLandings(pool, [landing(0, 2, { unchanged: '1111' })])
    expect(await open()).toBe(0)
    expect(await person()).toMatchObject({ fetched: 4, merged: 0, unchanged: 4 })
  })

  test('is found with its page by a look-up each, whatever the planner knew of the day when it began', async () => {
    const pages = 1_500
    await writeReceipts(pool, worker, [receipt(1, 0)])
    await pool.query('analyze sync.pages, sync.landings')
    for (let page = 1; page < pages; page++) await writeReceipts(pool, worker, [receipt(1, page)])
    const readSoFar = async (client: Queryable): Promise<number> => {
      const { rows } = await client.query<{ n: number }>(
        `select sum(coalesce(idx_tup_fetch, 0) + seq_tup_read)::int as n from pg_stat_xact_user_tables
         where schemaname = 'sync' and relname like 'pages%'`,
      )
      return rows[0]?.n ?? 0
    }
    const readsOfPages = (read: (client: Queryable) => Promise<unknown>) =>
      inTransaction(pool, async (client) => {
        const before = await readSoFar(client)
        await read(client)
        return (await readSoFar(client)) - before
      })
    const range = { runId, rangeId: 0, spec: newRange('person').spec }
    expect(await readsOfPages((client) => openPages(client, range))).toBe(pages)
    expect(await readsOfPages((client) => missingPages(client, runId))).toBeLessThanOrEqual(pages)
    // Its pages and those of its landings.
    expect(await readsOfPages((client) => runReport(client, runId))).toBe(2 * pages)
    await changeEntities(pool, runId, [{ entity: 'person', from: 'fetching', to: 'landing' }])
    expect(await readsOfPages((client) => entityProgress(client, [runId]))).toBe(pages)
  })

  test('a record keeps its first outcome, however often and in whatever pieces it lands', async () => {
    await writeReceipts(pool, worker, [receipt(1, 0)])
    await recordLandings(pool, [landing(0, 1, { merged: '1000', dead: '0001' })])
    await recordLandings(pool, [landing(0, 1, { unchanged: '1100', stale: '0001' })])
    expect(await person()).toMatchObject({ merged: 1, unchanged: 1, stale: 0, dead: 1, missing: 1 })
    await recordLandings(pool, [landing(0, 1, { parked: '1111' })])
    expect(await person()).toMatchObject({ merged: 1, unchanged: 1, dead: 1, parked: 1, missing: 0 })
  })

  test('a parked record that finds its parent moves once, and only if it is parked', async () => {
    await writeReceipts(pool, worker, [receipt(1, 0)])
    await recordLandings(pool, [landing(0, 1, { merged: '1000', parked: '0111' })])
    const move = (index: number, to: 'merged' | 'stale') => ({
      runId,
      rangeId: 0,
      page: 0,
      attempt: 1,
      entity: 'person',
      index,
      to,
    })
    await moveOutcomes(pool, [move(0, 'stale'), move(1, 'merged'), move(2, 'stale')])
    await moveOutcomes(pool, [move(1, 'stale')])
    expect(await person()).toMatchObject({ merged: 2, stale: 1, parked: 1, missing: 0 })
  })

  test('one that counts the records of its page otherwise is left out', async () => {
    await writeReceipts(pool, worker, [receipt(1, 0)])
    await recordLandings(pool, [
      { ...landing(0, 1, {}), count: 2, merged: '11', unchanged: '00', stale: '00', parked: '00', dead: '00' },
    ])
    expect(await person()).toMatchObject({ merged: 0, missing: 4 })
  })

  test('a run that has ended or is unknown gets none', async () => {
    await changeRun(pool, runId, 'cancel')
    await recordLandings(pool, [landing(0, 1, { merged: '1111' }), { ...landing(0, 1, { merged: '1111' }), runId: uuidv7() }])
    const { rows } = await pool.query('select count(*) from sync.landings where run_id = $1', [runId])
    expect(rows).toEqual([{ count: 0 }])
  })
})

describe('retention', () => {
  const DAY_MS = 86_400_000
  const partitionsOf = async (table: string): Promise<number> => {
    const { rows } = await pool.query<{ n: number }>(
      'select count(*)::int as n from pg_inherits where inhparent = $1::regclass',
      [table],
    )
    return rows[0]?.n ?? -1
  }
  const endedDaysAgo = (id: string, days: number) =>
    pool.query('update sync.runs set ended_at = now() - make_interval(days => $2) where run_id = $1', [id, days])
  const oldRun = async (ageDays: number, state: string): Promise<string> => {
    const id = uuidv7(Date.now() - ageDays * DAY_MS)
    await ensurePartitions(pool, id)
    await pool.query(
      `insert into sync.runs (run_id, org_id, source, adapter, strategy, state, selection) values ($1, $2, 'pco', 'pco', 'full', $3, '{}')`,
      [id, org, state],
    )
    if (state === 'complete') await endedDaysAgo(id, ageDays)
    return id
  }

  test('pages and landings go with their day, when its runs have ended and the time is over; today stays', async () => {
    const before = await partitionsOf('sync.pages')
    await oldRun(RETENTION_DAYS + 2, 'complete')
    await changeRun(pool, runId, 'cancel')
    const still = await oldRun(RETENTION_DAYS + 5, 'paused')
    await oldRun(RETENTION_DAYS - 2, 'complete')
    expect(await partitionsOf('sync.pages')).toBe(before + 3)
    expect(await dropExpiredPages(pool)).toBe(1)
    expect(await partitionsOf('sync.pages')).toBe(before + 2)
    expect(await partitionsOf('sync.landings')).toBe(before + 2)
    await changeRun(pool, still, 'cancel')
    expect(await dropExpiredPages(pool)).toBe(0)
    await endedDaysAgo(still, RETENTION_DAYS + 1)
    expect(await dropExpiredPages(pool)).toBe(1)
    expect(await findRun(pool, still)).toMatchObject({ state: 'cancelled' })
    expect(await dropExpiredPages(pool)).toBe(0)
  })
})

describe('organisations and runs', () => {
  test('a credential moved to another organisation, or opened with another key, does not open', async () => {
    expect(await openConnection(pool, key, org, 'pco')).toMatchObject({ credential: { kind: 'token', token: 'id:secret' } })
    await expect(openConnection(pool, keyRing(8), org, 'pco')).rejects.toMatchObject({ code: 'config' })
    await saveConnection(pool, key, {
      orgId: 'thief',
      source: 'pco',
      adapter: 'pco',
      baseUrl: null,
      settings: {},
      rateLimit: null,
      credential: 'x:y',
    })
    await pool.query(
      "update sync.connections set credential = (select credential from sync.connections where org_id = $1) where org_id = 'thief'",
      [org],
    )
    await expect(openConnection(pool, key, 'thief', 'pco')).rejects.toMatchObject({ code: 'config' })
    const { rows } = await pool.query("select encode(credential, 'escape') as text from sync.connections where org_id = $1", [
      org,
    ])
    expect(rows[0]?.['text']).not.toContain('secret')
  })

  test('a run changes state only from where it may', async () => {
    await expect(changeRun(pool, runId, 'resume')).rejects.toMatchObject({ code: 'conflict' })
    await changeRun(pool, runId, 'cancel')
    expect(await findRun(pool, runId)).toMatchObject({ state: 'cancelled' })
    await expect(changeRun(pool, runId, 'pause')).rejects.toMatchObject({ code: 'conflict' })
    await expect(changeRun(pool, uuidv7(), 'pause')).rejects.toMatchObject({ code: 'usage' })
  })
})
