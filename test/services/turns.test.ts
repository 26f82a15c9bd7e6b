// Many backfills are asked for at once, on a real ledger: they begin in turns, and what keeps a source current does not wait for them.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { saveConnection } from '../../ledger/organisations.ts'
import { activeRuns, createRun, findRun, type NewRun, type RunState } from '../../ledger/runs.ts'
import { renewLease } from '../../ledger/workers.ts'
import { pcoManifest } from '../../manifests/pco/index.ts'
import { type TickDeps, tick } from '../../orchestrator/orchestrator.ts'
import { BEGINNING_PER_FETCHER, BEGINNING_SECONDS } from '../../orchestrator/turns.ts'
import { silentLogger } from '../../platform/logger.ts'
import type { Pool } from '../../platform/postgres.ts'
import { uuidv7 } from '../../platform/uuid.ts'
import { topicsWithPrefix } from '../../topics/list.ts'
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

const askFor = async (orgId: string, strategy: NewRun['strategy']): Promise<string> => {
  const owner = { orgId, source: 'pco', adapter: 'pco' }
  await saveConnection(pool, keyRing(7), { ...owner, baseUrl: null, settings: {}, rateLimit: null, credential: `${orgId}:b` })
  return createRun(pool, { ...owner, strategy, selection: ['campus'] })
}

const deps = (): TickDeps => ({
  ...{ pool, topics: topicsWithPrefix('turns.'), manifestOf: () => pcoManifest, log: silentLogger },
  ...{ lookBackMs: 0, deletions: { percent: 5, rows: 10 }, producer: { send: async () => [] } },
})
const statesOf = (runIds: readonly string[]): Promise<readonly (RunState | undefined)[]> =>
  Promise.all(runIds.map(async (runId) => (await findRun(pool, runId))?.state))
const timeOver = () =>
  pool.query("update sync.runs set started_at = started_at - make_interval(secs => $1) where state = 'running'", [
    BEGINNING_SECONDS,
  ])

test('backfills begin in the order in which they were asked for, as many at once as the fetchers can take; deltas at once', async () => {
  const backfills: string[] = []
  for (let n = 0; n < BEGINNING_PER_FETCHER + 3; n++) backfills.push(await askFor(`org-${n}`, n % 2 === 0 ? 'full' : 'reconcile'))
  const delta = await askFor('late', 'delta')
  const last = backfills.slice(-3)
  const [next = '', ...others] = last

  await tick(deps(), new Map())
  expect(await statesOf([delta, ...backfills.slice(0, -3)])).toEqual(Array(BEGINNING_PER_FETCHER + 1).fill('running'))
  await tick(deps(), new Map())
  expect(await statesOf(last)).toEqual(['planned', 'planned', 'planned'])
  expect((await activeRuns(pool, 2)).map(({ runId }) => runId)).toEqual([delta, backfills[0]])

  await pool.query("update sync.runs set state = 'complete', ended_at = now() where run_id = $1", [backfills[0]])
  await tick(deps(), new Map())
  expect(await statesOf(last)).toEqual(['running', 'planned', 'planned'])
  await timeOver()
  await tick(deps(), new Map())
  expect(await statesOf([next, ...others])).toEqual(['running', 'running', 'running'])
})

test('one that waits for its vendor makes room', async () => {
  await timeOver()
  const backfills: string[] = []
  for (let n = 0; n < BEGINNING_PER_FETCHER + 2; n++) backfills.push(await askFor(`limited-${n}`, 'full'))
  const last = backfills.slice(-2)
  await tick(deps(), new Map())
  expect(await statesOf(last)).toEqual(['planned', 'planned'])

  const wait = "update sync.ranges set waiting_for = 'limit' where run_id = $1 and range_id = 0"
  expect((await pool.query(wait, [backfills[3]])).rowCount).toBe(1)
  await tick(deps(), new Map())
  expect(await statesOf(last)).toEqual(['running', 'planned'])
})

test('another fetcher makes room for as many more', async () => {
  await timeOver()
  const backfills: string[] = []
  for (let n = 0; n < BEGINNING_PER_FETCHER + 1; n++) backfills.push(await askFor(`more-${n}`, 'full'))
  for (let n = 0; n < 2; n++) await renewLease(pool, uuidv7(), ['fetch'])
  await tick(deps(), new Map())
  expect(await statesOf(backfills)).toEqual(backfills.map(() => 'running'))
})
