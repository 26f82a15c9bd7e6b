import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { recordAsks, settleAsks, takeAsks } from '../../ledger/asks.ts'
import { pauseSource, resumeSource } from '../../ledger/source-health.ts'
import { mergeBatch } from '../../sinks/postgres/merge.ts'
import { sweepAfter } from '../../sinks/postgres/sweep.ts'
import { createCountedRanges } from '../../sinks/seen.ts'
import { HINT_OBSERVED_AT, HINT_REVISION } from '../../topics/hints.ts'
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
beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db.drop())

const counted = createCountedRanges()
const WORKER = '019a0000-0000-7000-8000-00000000aaaa'

const merge = async (...items: readonly BatchItem[]) => {
  const result = await mergeBatch(db.pool, batchOf(items), counted)
  await sweepAfter(db.pool, result, nothingRefused)
  return result.counts
}
const person = (parts: Omit<RecordParts, 'externalId'>): BatchItem => ({
  entity: 'person',
  record: recordOf('person', { externalId: '1', ...parts }),
})
const named = (lastName: string, parts: Omit<RecordParts, 'externalId'>) => person({ fields: { lastName }, ...parts })
const hint = (orgId: string, lastName: string, sourceUpdatedAt = 1_000_000) =>
  named(lastName, { orgId, sourceUpdatedAt, observedAt: HINT_OBSERVED_AT })
const page = (orgId: string, lastName: string, parts: Partial<RecordParts> = {}) => named(lastName, { orgId, ...parts })
const destroyed = (orgId: string, receivedAt: number) =>
  person({ orgId, sourceUpdatedAt: null, observedAt: receivedAt, deletedAt: receivedAt, mappingRevision: HINT_REVISION })

const rowOf = async (orgId: string) => {
  const { rows } = await db.pool.query('select last_name, deleted_at, observed_at from canonical.person where org_id = $1', [
    orgId,
  ])
  return rows[0]
}
const asksOf = async (orgId: string) => {
  const { rows } = await db.pool.query(
    'select entity, external_id, why, round from sync.asks where org_id = $1 order by entity, external_id',
    [orgId],
  )
  return rows
}
const ASKED = { entity: 'person', external_id: '1', why: 'hint', round: 0 }

describe('a hint', () => {
  test('that is newer than the row is merged, and asks for nothing', async () => {
    const { orgId } = await startRun(db.pool)
    await merge(page(orgId, 'Old'))
    expect(await merge(hint(orgId, 'New', 2_000_000))).toMatchObject({ merged: 1 })
    expect(await rowOf(orgId)).toMatchObject({ last_name: 'New' })
    expect(await asksOf(orgId)).toEqual([])
  })

  test('of the same updated_at as a page asks for one GET and changes nothing', async () => {
    const { orgId } = await startRun(db.pool)
    await merge(page(orgId, 'Seen'))
    expect(await merge(hint(orgId, 'Told'))).toMatchObject({ stale: 1 })
    expect(await rowOf(orgId)).toMatchObject({ last_name: 'Seen' })
    expect(await asksOf(orgId)).toEqual([ASKED])
  })

  test('that stands when a page of the same updated_at comes makes way for it, and one GET is asked for', async () => {
    const { orgId } = await startRun(db.pool)
    await merge(hint(orgId, 'Told'))
    expect(await asksOf(orgId)).toEqual([])
    expect(await merge(page(orgId, 'Seen'))).toMatchObject({ merged: 1 })
    expect(await asksOf(orgId)).toEqual([ASKED])
  })

  test('is doubted also when both are in one batch, in either order', async () => {
    for (const inOrder of [true, false]) {
      const { orgId } = await startRun(db.pool)
      const both = [hint(orgId, 'Told'), page(orgId, 'Seen')]
      await merge(...(inOrder ? both : both.reverse()))
      expect(await rowOf(orgId)).toMatchObject({ last_name: 'Seen' })
      expect(await asksOf(orgId)).toEqual([ASKED])
    }
  })

  test('that a page confirms is from then on an observation', async () => {
    const { orgId } = await startRun(db.pool)
    await merge(hint(orgId, 'Told'))
    expect(await merge(page(orgId, 'Told'))).toMatchObject({ unchanged: 1 })
    expect(await rowOf(orgId)).toMatchObject({ observed_at: new Date(2_000_000) })
    expect(await asksOf(orgId)).toEqual([])
  })

  test('does not revive a tombstone, whichever comes first, and one GET is asked for', async () => {
    for (const inOrder of [true, false]) {
      const { orgId } = await startRun(db.pool)
      const both = [destroyed(orgId, 5_000_000), hint(orgId, 'Told', 9_000_000)]
      for (const each of inOrder ? both : both.reverse()) await merge(each)
      expect(await rowOf(orgId)).toMatchObject({ deleted_at: new Date(5_000_000), last_name: null })
      expect(await asksOf(orgId)).toMatchObject([{ entity: 'person', external_id: '1', why: 'hint' }])
    }
  })
})

describe('a deletion that was told', () => {
  test('removes the row at once and is confirmed by one GET', async () => {
    const { orgId } = await startRun(db.pool)
    await merge(page(orgId, 'Seen'))
    await merge(destroyed(orgId, 5_000_000))
    expect(await rowOf(orgId)).toMatchObject({ deleted_at: new Date(5_000_000) })
    expect(await asksOf(orgId)).toEqual([ASKED])
  })

  test('of a record that is not there yet keeps a late page from making it, and is confirmed too', async () => {
    const { orgId } = await startRun(db.pool)
    await merge(destroyed(orgId, 5_000_000))
    await merge(page(orgId, 'Late', { observedAt: 4_000_000 }))
    expect(await rowOf(orgId)).toMatchObject({ deleted_at: new Date(5_000_000) })
    expect(await asksOf(orgId)).toMatchObject([{ external_id: '1' }])
  })

  test('that comes five times leaves one tombstone and asks once', async () => {
    const { orgId } = await startRun(db.pool)
    await merge(page(orgId, 'Seen'))
    for (let i = 0; i < 5; i++) await merge(destroyed(orgId, 5_000_000 + i))
    expect(await asksOf(orgId)).toEqual([ASKED])
  })

  test('is confirmed again where the API had been asked before, because the answer may have said more', async () => {
    for (const isOneBatch of [true, false]) {
      const { orgId } = await startRun(db.pool)
      const gone = person({ orgId, sourceUpdatedAt: null, observedAt: 4_000_000, deletedAt: 4_000_000 })
      if (isOneBatch) await merge(gone, destroyed(orgId, 5_000_000))
      else for (const each of [gone, destroyed(orgId, 5_000_000)]) await merge(each)
      expect(await asksOf(orgId)).toEqual([ASKED])
    }
  })

  test('is undone by an answer that still shows the record', async () => {
    const { orgId } = await startRun(db.pool)
    await merge(destroyed(orgId, 5_000_000))
    await merge(page(orgId, 'Alive', { observedAt: 6_000_000 }))
    expect(await rowOf(orgId)).toMatchObject({ deleted_at: null, last_name: 'Alive' })
  })
})

describe('a page that was overtaken when it was on its way', () => {
  const now = Date.now()
  /** Seen so many seconds ago; of a run unless it is an answer. */
  const seen = (
    run: { orgId: string; runId: string },
    lastName: string,
    secondsAgo: number,
    parts: Partial<RecordParts> = {},
  ) => ({
    ...page(run.orgId, lastName, { observedAt: now - secondsAgo * 1_000, ...parts }),
    origin: `${run.runId}/0/0/1/0/1`,
  })
  const gone = (run: { orgId: string; runId: string }, secondsAgo: number) => {
    const observedAt = now - secondsAgo * 1_000
    return seen(run, '', secondsAgo, { fields: { lastName: null }, sourceUpdatedAt: null, deletedAt: observedAt })
  }
  const answer = (item: BatchItem): BatchItem => ({ entity: item.entity, record: item.record })

  test('by a deletion, or by a later version, is asked for: on the topic it is the last of its key', async () => {
    for (const later of ['deletion', 'version', 'told'] as const)
      for (const isOneBatch of [true, false]) {
        const run = await startRun(db.pool)
        const standing = {
          deletion: answer(gone(run, 20)),
          version: answer(seen(run, 'Later', 20, { sourceUpdatedAt: 2_000_000 })),
          told: hint(run.orgId, 'Told', now - 20_000),
        }[later]
        const late = seen(run, 'Late', 30)
        if (isOneBatch) await merge(standing, late)
        else for (const each of [standing, late]) await merge(each)
        expect(await rowOf(run.orgId), later).not.toMatchObject({ last_name: 'Late' })
        expect(await asksOf(run.orgId), `${later}, ${isOneBatch}`).toEqual([ASKED])
      }
  })

  test('by one that waits for its parent is asked for too', async () => {
    const { orgId, runId } = await startRun(db.pool)
    const email = (secondsAgo: number, sourceUpdatedAt: number) => ({
      entity: 'email',
      record: recordOf('email', {
        ...{ orgId, externalId: '7', sourceUpdatedAt, observedAt: now - secondsAgo * 1_000 },
        fields: { personId: idOf(orgId, 'person', '1') },
      }),
      origin: `${runId}/0/${secondsAgo}/1/0/1`,
    })
    await merge(email(20, 2_000_000))
    expect(await merge(email(30, 1_000_000))).toMatchObject({ stale: 1 })
    expect(await asksOf(orgId)).toEqual([{ ...ASKED, entity: 'email', external_id: '7' }])
  })

  test('in its turn, costs nothing: of all versions of a record in their order none is asked for', async () => {
    for (const isOneBatch of [true, false]) {
      const run = await startRun(db.pool)
      const all = [40, 30, 20].map((ago) => seen(run, `Of ${ago}`, ago, { sourceUpdatedAt: now - ago * 1_000 }))
      if (isOneBatch) await merge(...all)
      else for (const each of all) await merge(each)
      expect(await asksOf(run.orgId)).toEqual([])
    }
  })

  test('an hour ago or more is not: what is rewound or replayed does not become requests', async () => {
    for (const isOneBatch of [true, false]) {
      const run = await startRun(db.pool)
      const [standing, late] = [answer(gone(run, 20)), seen(run, 'Late', 3_700)]
      if (isOneBatch) await merge(standing, late)
      else for (const each of [standing, late]) await merge(each)
      expect(await asksOf(run.orgId)).toEqual([])
    }
  })

  test('is asked for once: an answer that is older all the same is left at that, and so is a page that was seen later', async () => {
    for (const isOneBatch of [true, false]) {
      const run = await startRun(db.pool)
      const standing = seen(run, 'Later', 20, { sourceUpdatedAt: 2_000_000 })
      const others = [answer(seen(run, 'Back', 30)), seen(run, 'Back', 10)]
      if (isOneBatch) await merge(standing, ...others)
      else for (const each of [standing, ...others]) await merge(each)
      expect(await asksOf(run.orgId)).toEqual([])
    }
  })
})

test('a record of no run that is parked asks for its parent later, and no more when a hint asks now', async () => {
  await db.pool.query('delete from sync.asks')
  const { orgId } = await startRun(db.pool)
  const email = recordOf('email', { orgId, externalId: '7', fields: { personId: idOf(orgId, 'person', '1') } })
  const batch = batchOf([{ entity: 'email', record: email }])
  const records = batch.records.map((each) => ({ ...each, original: { ...each.original, parents: '1' } }))
  await mergeBatch(db.pool, { ...batch, records }, counted)
  expect(await asksOf(orgId)).toEqual([{ ...ASKED, why: 'parent' }])
  expect(await takeAsks(db.pool, WORKER, 10, [])).toEqual([])
  await merge(destroyed(orgId, 5_000_000))
  expect(await asksOf(orgId)).toEqual([{ ...ASKED, round: 1 }])
})

describe('asks', () => {
  const ask = (orgId: string, externalId: string, why: 'hint' | 'parent' = 'hint') => ({
    orgId,
    source: 'pco',
    entity: 'person',
    externalId,
    parents: {},
    why,
  })

  test('of one record are one, and one that came during its question stays when that is answered', async () => {
    await db.pool.query('delete from sync.asks')
    const { orgId } = await startRun(db.pool)
    await recordAsks(db.pool, [ask(orgId, '1'), ask(orgId, '1'), ask(orgId, '2')])
    const taken = await takeAsks(db.pool, WORKER, 10, [])
    expect(taken.map(({ externalId }) => externalId).sort()).toEqual(['1', '2'])
    await recordAsks(db.pool, [ask(orgId, '1')])
    await settleAsks(db.pool, WORKER, taken)
    expect(await asksOf(orgId)).toEqual([{ ...ASKED, round: 1 }])
    expect(await takeAsks(db.pool, WORKER, 10, [])).toMatchObject([{ externalId: '1', round: 1 }])
  })

  test('of what was overtaken long ago are not taken down, but with one that is to be asked for in any case', async () => {
    const { orgId } = await startRun(db.pool)
    const old = { ...ask(orgId, '1'), seenAt: Date.now() - 3_700_000 }
    await recordAsks(db.pool, [old, { ...ask(orgId, '2'), seenAt: Date.now() }])
    expect(await asksOf(orgId)).toEqual([{ ...ASKED, external_id: '2' }])
    await recordAsks(db.pool, [ask(orgId, '1'), old])
    expect(await asksOf(orgId)).toEqual([ASKED, { ...ASKED, external_id: '2' }])
  })

  test('of a worker that lives are taken by no other; of one that is gone, by any', async () => {
    await db.pool.query('delete from sync.asks')
    const { orgId } = await startRun(db.pool)
    await db.pool.query("insert into sync.workers (worker_id, roles, host, pid) values ($1, '{fetch}', 'here', 1)", [WORKER])
    await recordAsks(db.pool, [ask(orgId, '1')])
    expect(await takeAsks(db.pool, WORKER, 10, [])).toHaveLength(1)
    const other = WORKER.replace(/a$/, 'b')
    expect(await takeAsks(db.pool, other, 10, [])).toEqual([])
    // Lost from sight by its own worker, whose connection is not busy with them.
    expect(await takeAsks(db.pool, WORKER, 10, [`${orgId}/pco`])).toEqual([])
    expect(await takeAsks(db.pool, WORKER, 10, [])).toHaveLength(1)
    await db.pool.query('delete from sync.workers')
    expect(await takeAsks(db.pool, other, 10, [`${orgId}/pco`])).toEqual([])
    expect(await takeAsks(db.pool, other, 10, [])).toHaveLength(1)
  })

  test('of a paused source wait, and cost its API nothing', async () => {
    await db.pool.query('delete from sync.asks')
    const { orgId } = await startRun(db.pool)
    await recordAsks(db.pool, [ask(orgId, '1')])
    await pauseSource(db.pool, { orgId, source: 'pco' }, null)
    expect(await takeAsks(db.pool, WORKER, 10, [])).toEqual([])
    await resumeSource(db.pool, { orgId, source: 'pco' })
    expect(await takeAsks(db.pool, WORKER, 10, [])).toHaveLength(1)
  })

  test('of an organisation that is not there are let go', async () => {
    await recordAsks(db.pool, [ask('nobody', '1')])
    expect(await asksOf('nobody')).toEqual([])
  })
})
