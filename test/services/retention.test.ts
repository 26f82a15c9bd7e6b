// Ended runs go when their time is over, on a real PostgreSQL: but none that somebody still needs, and the audit trail says that they went.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditTrail } from '../../ledger/audit.ts'
import { checkTrail } from '../../ledger/audit-check.ts'
import { recordDeadLetters } from '../../ledger/dead-letters.ts'
import { removeOrganisation, saveConnection } from '../../ledger/organisations.ts'
import { forgetSeen, removeOldLetters, removeOldRuns } from '../../ledger/retention.ts'
import { createRun, endRun, listRuns, type NewRun } from '../../ledger/runs.ts'
import { recordSeen } from '../../ledger/seen.ts'
import type { Pool } from '../../platform/postgres.ts'
import { type FreshLedger, freshLedger, keyRing } from './ledger-fixtures.ts'

let ledger: FreshLedger
let pool: Pool

beforeAll(async () => {
  ledger = await freshLedger({ max: 4 })
  pool = ledger.pool
})
afterAll(async () => {
  await ledger?.remove()
})

const addOrg = (orgId: string) =>
  saveConnection(pool, keyRing(7), {
    orgId,
    source: 'pco',
    adapter: 'pco',
    baseUrl: null,
    settings: {},
    rateLimit: null,
    credential: 'a:b',
  })

/** A run that ended so many days ago; null: it has not ended. */
const runOf = async (
  orgId: string,
  endedDaysAgo: number | null,
  strategy: NewRun['strategy'] = 'delta',
  { approves, entity = 'person' }: { approves?: string; entity?: string } = {},
): Promise<string> => {
  const asked = { orgId, source: 'pco', adapter: 'pco', strategy, selection: [entity] }
  const runId = await createRun(pool, approves === undefined ? asked : { ...asked, approves })
  await pool.query(
    `insert into sync.run_entities (run_id, entity, ordinal, tier, hard, soft, carries, paging, state, ended_at)
    select $1, $2, 0, 0, '{}', '{}', '{}', '{"kind": "offset", "order": null}', 'closed', now()`,
    [runId, entity],
  )
  if (endedDaysAgo === null) return runId
  await endRun(pool, runId, { state: 'complete', errorCode: null, reason: null })
  await pool.query('update sync.runs set ended_at = now() - make_interval(days => $2) where run_id = $1', [runId, endedDaysAgo])
  return runId
}

/** A letter of a person, of a run or none, that is so many days old. */
const letterOf = async (
  orgId: string,
  offset: bigint,
  daysAgo: number,
  { runId = null, externalId = '1' }: { runId?: string | null; externalId?: string | null } = {},
): Promise<void> => {
  const letter = { orgId, source: 'pco', entity: 'person', externalId, stage: 'process', code: 'invalid-record' } as const
  const place = { topic: 'dead', partition: 0, offset, bytes: 2, round: 0, origin: undefined }
  await recordDeadLetters(pool, [{ ...letter, ...place, reason: 'broken' }])
  await pool.query(
    `update sync.dead_letters set run_id = $1, recorded_at = now() - make_interval(days => $2) where "offset" = $3`,
    [runId, daysAgo, offset.toString()],
  )
}

const left = async (orgId: string): Promise<readonly string[]> => (await listRuns(pool, { orgId })).map(({ runId }) => runId)

test('what ended before the time goes, oldest first and so many at once; the newest of each strategy stays', async () => {
  await addOrg('acme')
  const full = await runOf('acme', 200, 'full')
  const [oldest, old, young] = [await runOf('acme', 120), await runOf('acme', 100), await runOf('acme', 80)]
  const active = await runOf('acme', null)
  expect(await removeOldRuns(pool, 90, 1)).toBe(1)
  expect(await left('acme')).toEqual([active, young, old, full])
  expect(await removeOldRuns(pool, 90, 10)).toBe(1)
  expect(await left('acme')).toEqual([active, young, full])
  expect(await removeOldRuns(pool, 90, 10)).toBe(0)
  const { rowCount } = await pool.query('select from sync.run_entities where run_id = any($1::uuid[])', [[oldest, old]])
  expect(rowCount).toBe(0)
})

test('one with an open dead letter whose bytes are kept, or that a pause will name, stays until that is over', async () => {
  await addOrg('kept')
  const [lettered, failed] = [await runOf('kept', 120), await runOf('kept', 110)]
  await runOf('kept', 1)
  await letterOf('kept', 1n, 29, { runId: lettered })
  await pool.query(`insert into sync.source_health (org_id, source, failures, last_failed_run) values ('kept', 'pco', 1, $1)`, [
    failed,
  ])
  expect(await removeOldRuns(pool, 90, 10)).toBe(0)
  await pool.query('delete from sync.source_health')
  expect(await removeOldRuns(pool, 90, 10)).toBe(1)
  await letterOf('kept', 2n, 31, { runId: lettered })
  await pool.query('update sync.dead_letters set state = \'dropped\' where "offset" = 1')
  expect(await removeOldRuns(pool, 90, 10)).toBe(1)
})

test('the newest that walked an entity stays, whatever newer ones walked, and that of which a schedule tells', async () => {
  await addOrg('planned')
  const [addresses, people] = [await runOf('planned', 120, 'delta', { entity: 'address' }), await runOf('planned', 110)]
  await pool.query(
    `insert into sync.schedules (org_id, name, source, strategy, every_seconds, time_zone, jitter_seconds, missed, blackouts, due_at, fires_at, last_run_id)
    values ('planned', 'nightly', 'pco', 'delta', 600, 'UTC', 0, 'skip', '[]', now(), now(), $1)`,
    [people],
  )
  const newest = await runOf('planned', 1)
  expect(await removeOldRuns(pool, 90, 10)).toBe(0)
  await pool.query('delete from sync.schedules')
  expect(await removeOldRuns(pool, 90, 10)).toBe(1)
  expect(await left('planned')).toEqual([newest, addresses])
  await runOf('planned', 0, 'delta', { entity: 'address' })
  expect(await removeOldRuns(pool, 90, 10)).toBe(1)
})

test('the pages of a run go with it, also when its organisation is removed', async () => {
  await addOrg('paged')
  const [old, young] = [await runOf('paged', 100), await runOf('paged', 1)]
  for (const runId of [old, young]) {
    await pool.query(
      `insert into sync.pages (run_id, range_id, page, attempt, entity, raw_partition, raw_offset, bytes, fresh, request, observed_at)
      values ($1, 0, 0, 1, 'person', 0, 0, 2, 1, '/people', now())`,
      [runId],
    )
    await pool.query(
      `insert into sync.landings (run_id, range_id, page, attempt, entity, expected, merged, unchanged, stale, parked, dead)
      values ($1, 0, 0, 1, 'person', 1, b'0', b'0', b'0', b'0', b'0')`,
      [runId],
    )
  }
  const kept = async () => {
    const { rows } = await pool.query('select run_id from sync.pages union all select run_id from sync.landings')
    return rows.map(({ run_id }) => run_id)
  }
  expect(await removeOldRuns(pool, 90, 10)).toBe(1)
  expect(await kept()).toEqual([young, young])
  await removeOrganisation(pool, 'paged')
  expect(await kept()).toEqual([])
})

test('what was approved stays for as long as the run that carried it out, which does not go with it', async () => {
  await addOrg('approved')
  const walked = await runOf('approved', 200, 'reconcile')
  const carrying = await runOf('approved', 1, 'reconcile', { approves: walked })
  const newest = await runOf('approved', 0, 'reconcile')
  expect(await removeOldRuns(pool, 90, 10)).toBe(0)
  expect(await left('approved')).toEqual([newest, carrying, walked])
  await pool.query("update sync.runs set ended_at = now() - interval '91 days' where run_id = $1", [carrying])
  expect(await removeOldRuns(pool, 90, 10)).toBe(1)
  expect(await left('approved')).toEqual([newest, walked])
  expect(await removeOldRuns(pool, 90, 10)).toBe(1)
})

test('dead letters go after their run: settled ones, and open ones of which there is a newer', async () => {
  await addOrg('letters')
  await pool.query('delete from sync.dead_letters')
  const runId = await runOf('letters', 100)
  const kept = async () => {
    const { rows } = await pool.query<{ offset: number }>('select "offset" from sync.dead_letters order by 1')
    return rows.map(({ offset }) => Number(offset))
  }
  await letterOf('letters', 1n, 95)
  await letterOf('letters', 2n, 94, { externalId: '2' })
  await letterOf('letters', 3n, 93, { runId })
  await letterOf('letters', 4n, 92, { externalId: null })
  await letterOf('letters', 5n, 91, { externalId: null })
  await letterOf('letters', 6n, 93, { externalId: '6' })
  await letterOf('letters', 7n, 93, { externalId: '7' })
  await letterOf('letters', 8n, 10, { externalId: '8' })
  await pool.query(`update sync.dead_letters set state = 'replayed', outcome = case "offset" when 6 then 'merged' else 'parked' end
    where "offset" in (6, 7)`)
  await pool.query(`update sync.dead_letters set state = 'dropped' where "offset" in (3, 8)`)
  expect(await removeOldLetters(pool, 90, 1)).toBe(1)
  expect(await removeOldLetters(pool, 90, 10)).toBe(2)
  expect(await kept()).toEqual([2, 3, 5, 7, 8])
  await runOf('letters', 1)
  await removeOldRuns(pool, 90, 10)
  expect(await removeOldLetters(pool, 1, 10)).toBe(1)
  expect(await kept()).toEqual([2, 5, 7, 8])
})

test('ids that walks have shown go with the end of their run, however long nobody led', async () => {
  await addOrg('walked')
  const [first, second] = [await runOf('walked', null, 'reconcile'), await runOf('walked', null, 'delta')]
  const seen = (runId: string) => recordSeen(pool, [{ runId, rangeId: 0, entity: 'person', externalIds: ['1', '2', '3'] }])
  await seen(first)
  await seen(second)
  await pool.query("update sync.runs set state = 'complete', ended_at = now() - interval '3 days' where run_id = $1", [first])
  await forgetSeen(pool)
  const { rows } = await pool.query('select run_id, count(*)::int as n from sync.seen group by 1')
  expect(rows).toEqual([{ run_id: second, n: 3 }])
})

test('the audit trail has one row for many of a source, and its chain holds', async () => {
  await addOrg('told')
  const ids = [await runOf('told', 120), await runOf('told', 119), await runOf('told', 118)]
  await runOf('told', 1)
  await removeOldRuns(pool, 90, 10)
  const trail = await auditTrail(pool, { orgId: 'told', limit: 1_000 })
  expect(
    trail
      .filter(({ action }) => action.includes('removed'))
      .map(({ action, subject, facts }) => [action, subject, JSON.parse(facts)]),
  ).toEqual([['runs.removed', 'pco', { source: 'pco', runs: 3, first: ids[0], last: ids[2] }]])
  expect((await checkTrail(pool, 'told')).fault).toBeNull()
})
