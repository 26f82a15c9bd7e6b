// Refreshing tokens against a vendor that takes each refresh token once, on a real PostgreSQL: whoever asks at once, whatever is lost.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { auditTrail } from '../../ledger/audit.ts'
import { takeNotifications } from '../../ledger/notifications.ts'
import { listConnections } from '../../ledger/organisations.ts'
import { changeRun, createRun, findRun } from '../../ledger/runs.ts'
import { markReauthorise, readAccessToken } from '../../ledger/tokens.ts'
import { armFailpoints } from '../../platform/failpoints.ts'
import { silentLogger } from '../../platform/logger.ts'
import type { Pool } from '../../platform/postgres.ts'
import { createStoredTokens, type StoredTokens } from '../../producers/stored-tokens.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { authorise, pcoOAuth } from '../harness/consent.ts'
import { until } from '../harness/until.ts'
import { type FreshLedger, freshLedger, keyRing } from './ledger-fixtures.ts'

const ring = keyRing(7)
let ledger: FreshLedger
let pool: Pool
let simulator: Simulator
let org = ''
let count = 0

beforeAll(async () => {
  ledger = await freshLedger({ max: 16 })
  pool = ledger.pool
})

afterAll(async () => {
  await ledger?.remove()
})

beforeEach(async () => {
  simulator = await startSimulator({ people: 1, oauth: { tokenPrefix: 'canary-' } })
  org = `org-${++count}`
  await authorise(pool, ring, simulator, org)
})

afterEach(async () => {
  armFailpoints({})
  await simulator.close()
})

/** The credential as one process has it. */
const worker = (at = simulator): StoredTokens =>
  createStoredTokens(
    {
      pool,
      ring,
      log: silentLogger,
      adapter: 'pco',
      oauth: pcoOAuth,
      baseUrl: at.url,
    },
    { orgId: org, source: 'pco' },
  )

const ask = async (tokens: StoredTokens): Promise<number> =>
  (await fetch(`${simulator.url}/people/v2/people?per_page=1`, { headers: await tokens.headers() })).status

/** As a slice does with a 401. */
const askTwice = async (tokens: StoredTokens): Promise<number> => {
  await tokens.prepare()
  const headers = await tokens.headers()
  const { status } = await fetch(`${simulator.url}/people/v2/people?per_page=1`, { headers })
  if (status !== 401) return status
  tokens.refused?.(headers)
  await tokens.refresh()
  return ask(tokens)
}

const due = (): Promise<unknown> => pool.query('update sync.tokens set refresh_at = now() where org_id = $1', [org])
const over = (): Promise<unknown> =>
  pool.query('update sync.tokens set refresh_at = now(), expires_at = now() where org_id = $1', [org])
const generation = async (): Promise<number | undefined> =>
  (await readAccessToken(pool, ring, { orgId: org, source: 'pco' }))?.generation
const runOf = (orgId: string): Promise<string> =>
  createRun(pool, { orgId, source: 'pco', adapter: 'pco', strategy: 'full', selection: ['campus'] })

describe('a token pair', () => {
  test('that expired is refreshed once by twenty workers at once, and each has the new one', async () => {
    simulator.oauth.expire()
    const statuses = await Promise.all(Array.from({ length: 20 }, () => askTwice(worker())))
    expect(new Set(statuses)).toEqual(new Set([200]))
    expect(simulator.oauth.stats()).toMatchObject({ refreshes: 1, refused: 0, usedAgain: 0 })
    expect(await generation()).toBe(2)
  })

  test('is refreshed before it expires, and no request is refused for it', async () => {
    const tokens = worker()
    await due()
    await tokens.prepare()
    expect(await ask(tokens)).toBe(200)
    expect(simulator.oauth.stats()).toMatchObject({ refreshes: 1, refused: 0 })
  })

  test('that one worker was refused and another has refreshed is read, not refreshed again', async () => {
    const [one, another] = [worker(), worker()]
    await Promise.all([one.prepare(), another.prepare()])
    simulator.oauth.expire()
    expect(await askTwice(one)).toBe(200)
    expect(await askTwice(another)).toBe(200)
    expect(simulator.oauth.stats().refreshes).toBe(1)
  })

  test('is nowhere in clear', async () => {
    const { rows } = await pool.query<{ text: string }>('select t::text as text from sync.tokens t')
    expect(rows.map(({ text }) => text).join()).not.toMatch(/canary|63616e617279|simulated-client-secret/)
  })
})

describe('a refresh', () => {
  test('that the vendor did not carry out before the connection broke is made once more with the old token', async () => {
    simulator.oauth.expire()
    simulator.oauth.fail('dropped')
    expect(await askTwice(worker())).toBe(200)
    expect(simulator.oauth.stats()).toMatchObject({ refreshes: 1, refused: 0 })
  })

  test('whose answer was lost is tried once more, then the connection is marked, its runs pause and those of others go on', async () => {
    const [run, other] = [await runOf(org), `${org}-other`]
    await authorise(pool, ring, simulator, other)
    const theirs = await runOf(other)
    simulator.oauth.expire()
    simulator.oauth.fail('lost')
    await expect(askTwice(worker())).rejects.toMatchObject({
      code: 'auth',
      message: expect.stringContaining('answer to a refresh was lost'),
    })
    expect(simulator.oauth.stats()).toMatchObject({ refreshes: 1, usedAgain: 0, usedAgainAfterLoss: 1 })
    expect(await findRun(pool, run)).toMatchObject({ state: 'paused', errorCode: 'auth' })
    expect(await findRun(pool, theirs)).toMatchObject({ state: 'planned', errorCode: null })
    const listed = (await listConnections(pool)).find(({ orgId }) => orgId === org)
    expect(listed?.reauthorise).toContain('lost')
    const actions = (await auditTrail(pool, { orgId: org, limit: 50 })).map(({ action }) => action)
    expect(actions).toEqual(expect.arrayContaining(['connection.authorised', 'connection.reauthorise', 'run.paused']))
    // Operators are told once, however many workers find out.
    const told = await takeNotifications(pool, 100)
    expect(told.filter(({ orgId }) => orgId === org)).toMatchObject([{ kind: 'reauthorisation-needed', source: 'pco' }])
    // Nobody asks the vendor again before somebody consents.
    await expect(worker().prepare()).rejects.toMatchObject({ code: 'auth' })
    expect(simulator.oauth.stats()).toMatchObject({ refused: 1 })
  })

  test('that is authorised again lets the runs go on that waited for it, and not one that a person paused', async () => {
    const run = await runOf(org)
    simulator.oauth.revoke()
    await expect(askTwice(worker())).rejects.toMatchObject({ code: 'auth' })
    expect(await findRun(pool, run)).toMatchObject({ state: 'paused', errorCode: 'auth' })
    await authorise(pool, ring, simulator, org)
    expect(await findRun(pool, run)).toMatchObject({ state: 'planned', errorCode: null, reason: null })
    expect(await askTwice(worker())).toBe(200)
    await changeRun(pool, run, 'pause')
    await authorise(pool, ring, simulator, org)
    expect(await findRun(pool, run)).toMatchObject({ state: 'paused' })
  })

  test('that is authorised again while a refresh of it is being refused does not stay paused', async () => {
    const runId = await runOf(org)
    const refused = await pool.connect()
    try {
      await refused.query('begin')
      await refused.query('select from sync.tokens where org_id = $1 for no key update', [org])
      const authorised = authorise(pool, ring, simulator, org)
      await until('it waits for the tokens', async () => {
        const { rowCount } = await pool.query(
          "select from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
        )
        return rowCount === 1
      })
      expect(await markReauthorise(refused, { orgId: org, source: 'pco' }, 1, 'refused')).toEqual([runId])
      await refused.query('commit')
      await authorised
    } finally {
      refused.release()
    }
    expect(await findRun(pool, runId)).toMatchObject({ state: 'planned', errorCode: null })
  })

  test('that fails with 500 leaves a token in use that is still good, and is told to come again when it is not', async () => {
    const tokens = worker()
    await due()
    simulator.oauth.fail('error-500', 2)
    await tokens.prepare()
    expect(await ask(tokens)).toBe(200)
    await over()
    simulator.oauth.fail('error-500', 2)
    await expect(worker().prepare()).rejects.toMatchObject({ code: 'transient' })
    expect(await generation()).toBe(1)
    await worker().prepare()
    expect(await generation()).toBe(2)
    expect(simulator.oauth.stats()).toMatchObject({ refreshes: 1, usedAgain: 0 })
  })

  test('whose commit was not answered is found saved, and not made again', async () => {
    armFailpoints({ SYNCLINE_FAIL: 'token.after-save:lost-response' })
    simulator.oauth.expire()
    expect(await askTwice(worker())).toBe(200)
    expect(simulator.oauth.stats()).toMatchObject({ refreshes: 1, usedAgain: 0 })
    expect(await generation()).toBe(2)
  })

  test('whose session is ended between answer and commit is saved all the same, before anybody tries the old token', async () => {
    const slow = await startSimulator({ people: 1, latencyMs: 700 })
    try {
      await authorise(pool, ring, slow, org)
      await due()
      const tokens = worker(slow)
      const prepared = tokens.prepare()
      await until(
        'the refresh is on its way',
        async () => (await pool.query('select from sync.refresh_attempts where org_id = $1', [org])).rowCount === 1,
      )
      // Locked from before the request until the new pair is committed.
      const lock = pool.query('select from sync.tokens where org_id = $1 for no key update nowait', [org])
      await expect(lock).rejects.toMatchObject({ code: '55P03' })
      const { rowCount } = await pool.query(
        `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`,
      )
      expect(rowCount).toBe(1)
      const second = worker(slow).prepare()
      await Promise.all([prepared, second])
      expect(slow.oauth.stats()).toMatchObject({ refreshes: 1, refused: 0, usedAgain: 0, usedAgainAfterLoss: 0 })
      expect(await generation()).toBe(3)
    } finally {
      await slow.close()
    }
  })

  test('that died with its worker is tried once more when its time is over', async () => {
    await over()
    await pool.query(
      `insert into sync.refresh_attempts (org_id, source, generation, sent_at) values ($1, 'pco', 1, now() - interval '19.5 seconds')`,
      [org],
    )
    // So long this server must have been up, or the time does not count.
    await until('the server has been up long enough', async () => {
      const { rows } = await pool.query<{ s: number }>(
        'select extract(epoch from now() - pg_postmaster_start_time())::float8 as s',
      )
      return (rows[0]?.s ?? 0) > 20
    })
    await worker().prepare()
    expect(simulator.oauth.stats()).toMatchObject({ refreshes: 1, usedAgain: 0 })
  })

  test('with a client secret that the vendor does not know says so', async () => {
    await pool.query('update sync.tokens set client_id = $2 where org_id = $1', [org, 'another'])
    simulator.oauth.expire()
    await expect(askTwice(worker())).rejects.toMatchObject({
      code: 'auth',
      message: expect.stringContaining('client id with this client secret'),
    })
  })
})
