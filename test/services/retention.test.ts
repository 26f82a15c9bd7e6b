// Ended runs go when their time is over, on a real PostgreSQL: but none that somebody still needs, and the audit trail says that they went.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { auditTrail } from '../../ledger/audit.ts'
import { checkTrail } from '../../ledger/audit-check.ts'
import { recordDeadLetters } from '../../ledger/dead-letters.ts'
import { migrateLedger } from '../../ledger/migrate.ts'
import { saveConnection } from '../../ledger/organisations.ts'
import { removeOldRuns } from '../../ledger/retention.ts'
import { createRun, endRun, listRuns } from '../../ledger/runs.ts'
import { silentLogger } from '../../platform/logger.ts'
import { createPool, type Pool } from '../../platform/postgres.ts'
import { keyRing } from './ledger-fixtures.ts'
import { type FreshDatabase, freshDatabase } from './support.ts'

let database: FreshDatabase
let pool: Pool

beforeAll(async () => {
  database = await freshDatabase()
  await migrateLedger(database.url, silentLogger)
  pool = createPool({ url: database.url, max: 4 })
})
afterAll(async () => {
  await pool?.end()
  await database?.drop()
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
const runOf = async (orgId: string, endedDaysAgo: number | null, strategy: 'delta' | 'full' = 'delta'): Promise<string> => {
  const runId = await createRun(pool, { orgId, source: 'pco', adapter: 'pco', strategy, selection: ['person'] })
  await pool.query(
    `insert into sync.run_entities (run_id, entity, ordinal, tier, hard, soft, carries, paging, state)
    select $1, 'person', 0, 0, '{}', '{}', '{}', '{"kind": "offset", "order": null}', 'closed'`,
    [runId],
  )
  if (endedDaysAgo === null) return runId
  await endRun(pool, runId, { state: 'complete', errorCode: null, reason: null })
  await pool.query('update sync.runs set ended_at = now() - make_interval(days => $2) where run_id = $1', [runId, endedDaysAgo])
  return runId
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

test('one with an open dead letter, or that a pause will name, stays until that is over', async () => {
  await addOrg('kept')
  const [lettered, failed] = [await runOf('kept', 120), await runOf('kept', 110)]
  await runOf('kept', 1)
  const letter = {
    orgId: 'kept',
    source: 'pco',
    entity: 'person',
    externalId: '1',
    stage: 'process',
    code: 'invalid-record',
  } as const
  const place = { topic: 'dead', partition: 0, offset: 1n, bytes: 2, round: 0, origin: undefined }
  await recordDeadLetters(pool, [{ ...letter, ...place, reason: 'broken' }])
  await pool.query('update sync.dead_letters set run_id = $1', [lettered])
  await pool.query(`insert into sync.source_health (org_id, source, failures, last_failed_run) values ('kept', 'pco', 1, $1)`, [
    failed,
  ])
  expect(await removeOldRuns(pool, 90, 10)).toBe(0)
  await pool.query("update sync.dead_letters set state = 'dropped' where run_id = $1", [lettered])
  await pool.query('delete from sync.source_health')
  expect(await removeOldRuns(pool, 90, 10)).toBe(2)
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
