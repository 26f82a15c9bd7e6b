// The ledger of strategies on real PostgreSQL: watermarks are raised by what is proven, rows that are gone are taken once, one backfill of
// an entity at a time.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { approveDeletions } from '../../ledger/approval.ts'
import { findLetters, LETTER_STATES } from '../../ledger/dead-letter-search.ts'
import { recordDeadLetters } from '../../ledger/dead-letters.ts'
import { allowedDeletions, approvedRows, decideDeletions, reconciliationsOf } from '../../ledger/deletions.ts'
import { changeEntities, planRun } from '../../ledger/entities.ts'
import { saveConnection } from '../../ledger/organisations.ts'
import { dropFetchedAnew } from '../../ledger/oversized-letters.ts'
import { entityProgress } from '../../ledger/progress.ts'
import { forgetSeen } from '../../ledger/retention.ts'
import { createRun, endRun, findRun, type NewRun, type Run } from '../../ledger/runs.ts'
import { parseEncryptionKey } from '../../ledger/secrets.ts'
import { recordSeen } from '../../ledger/seen.ts'
import { watermarksOf } from '../../ledger/watermarks.ts'
import type { EntityPlan } from '../../manifests/plan.ts'
import type { MissingRow } from '../../manifests/walk.ts'
import type { Pool } from '../../platform/postgres.ts'
import { mergeBatch } from '../../sinks/postgres/merge.ts'
import { createCountedRanges } from '../../sinks/seen.ts'
import { HINT_OBSERVED_AT } from '../../topics/hints.ts'
import { plannedEntity } from '../harness/planned-entity.ts'
import { batchOf, createTestDatabase, recordOf, type TestDatabase } from './sink-fixtures.ts'

let database: TestDatabase
let pool: Pool
let orgId = ''
let orgs = 0

beforeAll(async () => {
  database = await createTestDatabase()
  pool = database.pool
})

afterAll(() => database?.drop())

beforeEach(async () => {
  orgId = `org-${++orgs}`
  const connection = { orgId, source: 'pco', adapter: 'pco', baseUrl: null, settings: {}, rateLimit: null, credential: 'none' }
  await saveConnection(pool, parseEncryptionKey('0'.repeat(64)), connection)
})

const newRun = (more: Partial<NewRun> = {}): NewRun => ({
  orgId,
  source: 'pco',
  adapter: 'pco',
  strategy: 'full',
  selection: ['person'],
  ...more,
})

/** A run whose one entity is as far as being judged. */
const landed = async (more: Partial<NewRun> = {}, plan: Partial<EntityPlan> = {}): Promise<Run> => {
  const runId = await createRun(pool, newRun(more))
  await planRun(pool, runId, [plannedEntity('person', plan)])
  await changeEntities(pool, runId, [{ entity: 'person', from: 'waiting', to: 'fetching' }])
  await changeEntities(pool, runId, [{ entity: 'person', from: 'fetching', to: 'landing' }])
  const run = await findRun(pool, runId)
  if (run === undefined) throw new Error('The run is not there')
  return run
}

const end = (run: Run) => endRun(pool, run.runId, { state: 'complete', errorCode: null, reason: null })

const watermark = async (): Promise<number | undefined> =>
  (await watermarksOf(pool, { orgId, source: 'pco' })).get('person')?.getTime()

describe('the letter of a record that was too large when it was asked for by its id', () => {
  const letter = async (offset: bigint): Promise<void> => {
    const place = { topic: `letters-of-${orgId}`, partition: 0, offset, round: 0, bytes: 1, origin: undefined }
    const of = { orgId, source: 'pco', entity: 'person', externalId: '7' }
    await recordDeadLetters(pool, [{ ...place, ...of, stage: 'fetch', code: 'too-large', reason: 'too large' }])
  }
  const stateOf = async () => {
    const filter = { topic: `letters-of-${orgId}`, states: LETTER_STATES }
    return (await findLetters(pool, filter, 10)).map(({ offset, state }) => `${offset} ${state}`).sort()
  }

  test('is dropped by a walk of everything that began after it, and by no other', async () => {
    const before = await landed()
    await letter(1n)
    await dropFetchedAnew(pool, before, ['person'])
    await end(before)
    const delta = await landed({ strategy: 'delta' })
    await dropFetchedAnew(pool, delta, ['person'])
    await end(delta)
    expect(await stateOf()).toEqual(['1 open'])
    const after = await landed()
    await letter(2n)
    await dropFetchedAnew(pool, after, ['person'])
    expect(await stateOf()).toEqual(['1 dropped', '2 open'])
  })
})

describe('a watermark', () => {
  test('is raised to a minute before the start of the run, when the entity closes', async () => {
    const run = await landed()
    expect(await watermark()).toBeUndefined()
    await changeEntities(pool, run.runId, [{ entity: 'person', from: 'landing', to: 'closed' }])
    expect(await watermark()).toBe((run.startedAt?.getTime() ?? 0) - 60_000)
  })

  test('stays when the entity ends otherwise', async () => {
    for (const to of ['unproven', 'failed'] as const) {
      const run = await landed()
      await changeEntities(pool, run.runId, [{ entity: 'person', from: 'landing', to }])
      await end(run)
    }
    expect(await watermark()).toBeUndefined()
  })

  test('is never lowered, by a run that began earlier and ends later', async () => {
    const early = await landed()
    const late = await landed({ strategy: 'delta' })
    await changeEntities(pool, late.runId, [{ entity: 'person', from: 'landing', to: 'closed' }])
    const raised = await watermark()
    await changeEntities(pool, early.runId, [{ entity: 'person', from: 'landing', to: 'closed' }])
    expect(await watermark()).toBe(raised)
  })

  test('is not raised over a gap: by changes since a moment after it, or where there is none yet', async () => {
    const changes = (since: string) => ({ changes: { field: 'updated_at', since, direction: 'up' as const } })
    const first = await landed({ strategy: 'delta' }, changes('2020-01-01T00:00:00Z'))
    await changeEntities(pool, first.runId, [{ entity: 'person', from: 'landing', to: 'closed' }])
    await end(first)
    expect(await watermark()).toBeUndefined()
    await pool.query(
      "insert into sync.watermarks (org_id, source, entity, at, run_id) values ($1, 'pco', 'person', '2026-01-01T00:00:00Z', $2)",
      [orgId, first.runId],
    )
    for (const [since, isRaised] of [
      ['2026-01-01T00:00:01Z', false],
      ['2026-01-01T00:00:00Z', true],
    ] as const) {
      const run = await landed({ strategy: 'delta' }, changes(since))
      await changeEntities(pool, run.runId, [{ entity: 'person', from: 'landing', to: 'closed' }])
      await end(run)
      expect((await watermark()) !== Date.parse('2026-01-01T00:00:00Z')).toBe(isRaised)
    }
  })
})

describe('rows that a walk did not show', () => {
  const observedAt = Date.parse('2026-01-01T00:00:00Z')
  const limit = { percent: 50, rows: 1 }
  const rangesOf = (rows: readonly MissingRow[]) => [
    { spec: { entity: 'person', walk: { kind: 'confirm' as const, rows }, carries: [] }, counted: false },
  ]

  /** People 1 to n, of which the walk of the run has shown those given. */
  const seenOf = async (people: number, shown: readonly number[], run: Run): Promise<void> => {
    const items = Array.from({ length: people }, (_, n) => ({
      entity: 'person',
      record: recordOf('person', { orgId, externalId: `${n + 1}`, observedAt }),
    }))
    await mergeBatch(pool, batchOf(items), createCountedRanges())
    await recordSeen(pool, [{ runId: run.runId, rangeId: 0, entity: 'person', externalIds: shown.map(String) }])
  }

  const progress = async (run: Run) => (await entityProgress(pool, [run.runId])).get(run.runId)?.[0]

  test('are taken once, however many leaders take them: they are asked after', async () => {
    const run = await landed({ strategy: 'reconcile' })
    await seenOf(4, [1, 3], run)
    const taken = await Promise.all([1, 2].map(() => decideDeletions(pool, run, 'person', { limit, rangesOf })))
    expect(taken.filter((each) => each !== undefined)).toEqual([{ missing: 2, liveRows: 4, allowed: 2, state: 'confirming' }])
    expect(await progress(run)).toMatchObject({ state: 'fetching', reconciled: true, openRanges: 1 })
    const { rows } = await pool.query<{ spec: unknown }>('select spec from sync.ranges where run_id = $1', [run.runId])
    const missing = ['2', '4'].map((externalId) => ({ externalId, parents: {} }))
    expect(rows.map(({ spec }) => spec)).toMatchObject([{ walk: { kind: 'confirm', rows: expect.arrayContaining(missing) } }])
  })

  test('that somebody has seen since the run began are not among them', async () => {
    const run = await landed({ strategy: 'reconcile' })
    await seenOf(3, [1], run)
    const late = recordOf('person', { orgId, externalId: '2', observedAt: Date.now() + 60_000, sourceUpdatedAt: 3_000_000 })
    await mergeBatch(pool, batchOf([{ entity: 'person', record: late }]), createCountedRanges())
    expect(await decideDeletions(pool, run, 'person', { limit, rangesOf })).toMatchObject({ missing: 1 })
  })

  test('that a webhook told are among them only when the source dates them to before the run', async () => {
    const run = await landed({ strategy: 'reconcile' })
    await seenOf(1, [1], run)
    const started = run.startedAt?.getTime() ?? 0
    const told = [-3_600_000, 1_000].map((after, n) => ({
      entity: 'person',
      record: recordOf('person', {
        orgId,
        externalId: `${n + 2}`,
        observedAt: HINT_OBSERVED_AT,
        sourceUpdatedAt: started + after,
      }),
    }))
    await mergeBatch(pool, batchOf(told), createCountedRanges())
    expect(await decideDeletions(pool, run, 'person', { limit, rangesOf })).toMatchObject({ missing: 1, liveRows: 3 })
    const { rows } = await pool.query<{ spec: unknown }>('select spec from sync.ranges where run_id = $1', [run.runId])
    expect(rows.map(({ spec }) => spec)).toMatchObject([{ walk: { rows: [{ externalId: '2' }] } }])
  })

  test('wait when they are too many, until an approval, which asks for a run of them', async () => {
    const run = await landed({ strategy: 'reconcile' })
    await seenOf(4, [1], run)
    expect(await decideDeletions(pool, run, 'person', { limit, rangesOf })).toMatchObject({ missing: 3, state: 'parked' })
    expect(await progress(run)).toMatchObject({ state: 'landing', reconciled: true, openRanges: 0 })
    await expect(approveDeletions(pool, run)).rejects.toMatchObject({ code: 'already-running' })
    expect(await reconciliationsOf(pool, run.runId)).toMatchObject([{ state: 'parked', approvedBy: null }])
    await end(run)
    const approval = await approveDeletions(pool, run)
    const carrying = approval && (await findRun(pool, approval.runId))
    expect(carrying).toMatchObject({ strategy: 'reconcile', approves: run.runId, selection: ['person'] })
    if (carrying === undefined) return
    expect(await approvedRows(pool, carrying, 'person')).toHaveLength(3)
    const back = recordOf('person', { orgId, externalId: '2', observedAt: Date.now() + 60_000, sourceUpdatedAt: 3_000_000 })
    await mergeBatch(pool, batchOf([{ entity: 'person', record: back }]), createCountedRanges())
    expect((await approvedRows(pool, carrying, 'person')).map((row) => row.externalId).sort()).toEqual(['3', '4'])
  })

  test('are told from ids that are kept until the run has ended', async () => {
    const run = await landed({ strategy: 'reconcile' })
    await seenOf(2, [1, 2], run)
    const kept = async () => (await pool.query('select from sync.seen where run_id = $1', [run.runId])).rowCount
    await forgetSeen(pool)
    expect(await kept()).toBe(2)
    await end(run)
    await forgetSeen(pool)
    expect(await kept()).toBe(0)
  })

  test('may be a share of the rows, or a few', () => {
    expect(allowedDeletions({ percent: 5, rows: 10 }, 1_000)).toBe(50)
    expect(allowedDeletions({ percent: 5, rows: 10 }, 20)).toBe(10)
    expect(allowedDeletions({ percent: 0, rows: 0 }, 1_000)).toBe(0)
  })
})

describe('of one organisation and source', () => {
  test('one backfill of each entity runs at a time, and one delta beside it', async () => {
    await createRun(pool, newRun({ selection: ['person', 'email'] }))
    await createRun(pool, newRun({ strategy: 'reconcile', selection: ['group'] }))
    await createRun(pool, newRun({ strategy: 'delta', selection: ['person'] }))
    for (const more of [
      { strategy: 'reconcile', selection: ['email'] },
      { strategy: 'full', selection: ['group', 'event'] },
      { strategy: 'delta', selection: ['person'] },
      { strategy: 'full', selection: [] },
    ] as const) {
      await expect(createRun(pool, newRun(more)), JSON.stringify(more)).rejects.toMatchObject({ code: 'already-running' })
    }
    await createRun(pool, newRun({ strategy: 'delta', selection: ['email'] }))
  })
})
