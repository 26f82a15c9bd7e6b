// Schedules on a real PostgreSQL: one run per due time whoever believes to lead, missed times, blackouts, pauses. Clocks are not waited
// for: the times in the rows are moved.
import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { adapterByName } from '../../adapters/index.ts'
import { auditTrail } from '../../ledger/audit.ts'
import { readBacklog } from '../../ledger/backlog.ts'
import { saveConnection } from '../../ledger/organisations.ts'
import { changeRun, createRun, endRun, listRuns } from '../../ledger/runs.ts'
import {
  dueSchedules,
  fireSchedule,
  listSchedules,
  nextDueMs,
  pauseSchedule,
  resumeSchedule,
  type ScheduleRule,
  saveSchedule,
} from '../../ledger/schedules.ts'
import { parseEncryptionKey } from '../../ledger/secrets.ts'
import { pauseSource, resumeSource } from '../../ledger/source-health.ts'
import { fireDueSchedules } from '../../orchestrator/schedules.ts'
import { silentLogger } from '../../platform/logger.ts'
import type { Pool } from '../../platform/postgres.ts'
import { type FreshLedger, freshLedger } from './ledger-fixtures.ts'

let ledger: FreshLedger
let pool: Pool
let orgId = ''
const manifestOf = (adapter: string) => adapterByName(adapter).manifest

beforeAll(async () => {
  ledger = await freshLedger({ max: 12 })
  pool = ledger.pool
})
afterAll(async () => {
  await ledger?.remove()
})
beforeEach(async () => {
  await pool.query('update sync.schedules set paused_at = now() where paused_at is null')
  orgId = await addOrg()
})

const addOrg = async (): Promise<string> => {
  const org = `org-${randomUUID().slice(0, 8)}`
  const connection = {
    orgId: org,
    source: 'pco',
    adapter: 'pco',
    baseUrl: null,
    settings: {},
    rateLimit: null,
    credential: 'a:b',
  }
  await saveConnection(pool, parseEncryptionKey('0'.repeat(64)), connection)
  return org
}

const source = () => ({ orgId, source: 'pco' })

const add = async (more: Partial<ScheduleRule> = {}, dueInSeconds = -1): Promise<void> => {
  const rule = {
    ...source(),
    name: 'full',
    strategy: 'full',
    selection: null,
    cron: null,
    everySeconds: 600,
    timeZone: 'UTC',
    jitterSeconds: 0,
    missed: 'skip',
    blackouts: [],
    ...more,
  } as const
  const at = new Date(Date.now() + dueInSeconds * 1_000)
  await saveSchedule(pool, rule, { dueAt: at, firesAt: at })
}

/** As though that much more time had passed. */
const shift = (seconds: number) =>
  pool.query(
    `update sync.schedules set due_at = due_at - $2 * interval '1 second', fires_at = fires_at - $2 * interval '1 second' where org_id = $1`,
    [orgId, seconds],
  )

const fire = (): Promise<number> => fireDueSchedules({ pool, manifestOf, log: silentLogger })
const only = async (name = 'full') => {
  const found = (await listSchedules(pool, orgId)).find((schedule) => schedule.name === name)
  if (found === undefined) throw new Error(`${orgId} has no schedule ${name}`)
  return found
}
const runs = () => listRuns(pool, { orgId })
const endLast = async () => {
  const [last] = await runs()
  await endRun(pool, last?.runId ?? '', { state: 'complete', errorCode: null, reason: null })
}

describe('a due time', () => {
  test('fires once though many believe to lead, and the next one is a whole interval later', async () => {
    const orgs = [orgId, ...(await Promise.all(Array.from({ length: 9 }, addOrg)))]
    for (orgId of orgs) await add()
    const { dueAt } = await only()
    const fired = await Promise.all(Array.from({ length: 5 }, fire))
    expect(fired.reduce((sum, n) => sum + n, 0)).toBe(orgs.length)
    for (orgId of orgs) expect(await runs()).toHaveLength(1)
    const schedule = await only()
    expect(schedule.dueAt.getTime() - dueAt.getTime()).toBe(600_000)
    const [run] = await runs()
    expect(run).toMatchObject({ runId: schedule.lastRunId, strategy: 'full', state: 'planned' })
    expect(run?.selection).toEqual(manifestOf('pco').definitions.map(({ entity }) => entity))
    expect(await fire()).toBe(0)
  })

  test('that comes next is known beforehand, but for what is paused', async () => {
    expect(await nextDueMs(pool)).toBe(Number.POSITIVE_INFINITY)
    await add({}, 90)
    await add({ name: 'later' }, 300)
    expect(await nextDueMs(pool)).toBeGreaterThan(80_000)
    expect(await nextDueMs(pool)).toBeLessThan(91_000)
    await pauseSchedule(pool, orgId, 'full')
    expect(await nextDueMs(pool)).toBeGreaterThan(280_000)
    await pauseSource(pool, source(), null)
    expect(await nextDueMs(pool)).toBe(Number.POSITIVE_INFINITY)
  })

  test('that another leader has seen to is left alone by one that looked before, though its run has ended since', async () => {
    await add()
    const [seen] = await dueSchedules(pool, 10)
    if (seen === undefined) throw new Error('nothing is due')
    expect(await fire()).toBe(1)
    await endLast()
    const next = { dueAt: new Date(Date.now() + 600_000), firesAt: new Date(Date.now() + 600_000) }
    expect(await fireSchedule(pool, seen, { strategy: 'full', selection: ['person'] }, next)).toBeUndefined()
    expect(await runs()).toHaveLength(1)
  })

  test('is in the trail with its run', async () => {
    await add()
    await fire()
    const [run] = await runs()
    const fired = (await auditTrail(pool, { orgId, limit: 20 })).filter(({ action }) => action === 'schedule.fired')
    expect(fired.map(({ subject, facts }) => [subject, JSON.parse(facts)])).toEqual([['full', { runId: run?.runId }]])
  })

  test('that was missed for hours is left out by policy skip, and says so', async () => {
    await add()
    await shift(5 * 3_600)
    expect(await fire()).toBe(0)
    expect(await runs()).toEqual([])
    const schedule = await only()
    expect(schedule.lastSkipReason).toMatch(/^it comes 1800\d s late$/)
    expect(schedule.dueAt.getTime()).toBeGreaterThan(Date.now())
  })

  test('that was missed for hours runs once by policy once, and not for each time that was missed', async () => {
    await add({ missed: 'once' })
    await shift(5 * 3_600)
    expect(await fire()).toBe(1)
    await endLast()
    expect(await fire()).toBe(0)
    expect(await runs()).toHaveLength(1)
    expect((await only()).dueAt.getTime()).toBeGreaterThan(Date.now())
  })

  test('at which a run of its kind goes on is left out, and says which', async () => {
    await add()
    const run = await createRun(pool, { ...source(), adapter: 'pco', strategy: 'full', selection: ['person'] })
    expect(await fire()).toBe(0)
    expect((await only()).lastSkipReason).toBe(`the run ${run} has not ended`)
  })

  test('at which a run of its kind goes on waits for its end by policy once', async () => {
    await add({ missed: 'once' })
    const run = await createRun(pool, { ...source(), adapter: 'pco', strategy: 'full', selection: ['person'] })
    expect(await fire()).toBe(0)
    expect(await only()).toMatchObject({ waitingFor: `the run ${run} has not ended`, lastSkipReason: null })
    await changeRun(pool, run, 'cancel')
    await shift(60)
    expect(await fire()).toBe(1)
    expect(await only()).toMatchObject({ waitingFor: null })
  })

  test('in a blackout window waits for its end by policy once', async () => {
    const now = new Date()
    const minuteOf = (minutes: number) => new Date(now.getTime() + minutes * 60_000).toISOString().slice(11, 16)
    const blackouts = [{ days: [0, 1, 2, 3, 4, 5, 6], from: minuteOf(-2), to: minuteOf(3) }]
    await add({ blackouts, missed: 'once' })
    await add({ name: 'other', blackouts })
    expect(await fire()).toBe(0)
    const held = await only()
    expect(held.waitingFor).toBe('it is in a blackout window')
    expect(held.firesAt.toISOString().slice(11, 16)).toBe(minuteOf(3))
    expect((await only('other')).lastSkipReason).toBe('it is in a blackout window')
  })

  test('that nobody sees to is told to those who watch the installation, and one of a paused source is not', async () => {
    await add({}, -180)
    expect(await readBacklog(pool)).toMatchObject({ overdueSchedules: 1 })
    const { pausedSources } = await readBacklog(pool)
    await pauseSource(pool, source(), null)
    expect(await readBacklog(pool)).toMatchObject({ overdueSchedules: 0, pausedSources: pausedSources + 1 })
  })

  test('of one organisation does not suffer from what is wrong with another', async () => {
    await add({}, -5)
    await pool.query("update sync.schedules set every_seconds = null, cron = 'never' where org_id = $1", [orgId])
    const wrong = orgId
    orgId = await addOrg()
    await add()
    expect(await fire()).toBe(1)
    orgId = wrong
    expect((await only()).waitingFor).toContain("'never' is not a cron expression")
  })
})

describe('nothing fires', () => {
  test('of a paused schedule; resumed, it does not make up for what was due meanwhile', async () => {
    await add({ missed: 'once' })
    expect(await pauseSchedule(pool, orgId, 'full')).toBe(true)
    expect(await fire()).toBe(0)
    const next = { dueAt: new Date(Date.now() + 60_000), firesAt: new Date(Date.now() + 60_000) }
    expect(await resumeSchedule(pool, orgId, 'full', next)).toBe(true)
    expect(await fire()).toBe(0)
    const actions = (await auditTrail(pool, { orgId, limit: 20 })).map(({ action }) => action)
    expect(actions.slice(-3)).toEqual(['schedule.added', 'schedule.paused', 'schedule.resumed'])
  })

  test('of a paused source, whose runs are refused with the reason; resumed, both go on', async () => {
    await add({ missed: 'once' })
    expect(await pauseSource(pool, source(), 'the church moves house')).toBe(true)
    expect(await pauseSource(pool, source(), null)).toBe(false)
    expect(await fire()).toBe(0)
    const ask = () => createRun(pool, { ...source(), adapter: 'pco', strategy: 'full', selection: ['person'] })
    await expect(ask()).rejects.toMatchObject({ code: 'paused', message: expect.stringContaining('the church moves house') })
    expect(await resumeSource(pool, source())).toBe(true)
    expect(await fire()).toBe(1)
    const [run] = await runs()
    await changeRun(pool, run?.runId ?? '', 'pause')
    await pauseSource(pool, source(), null)
    await expect(changeRun(pool, run?.runId ?? '', 'resume')).rejects.toMatchObject({ code: 'paused' })
  })

  test('when the source is paused between the look and the firing', async () => {
    await add()
    const [seen] = await dueSchedules(pool, 10)
    if (seen === undefined) throw new Error('nothing is due')
    await pauseSource(pool, source(), null)
    const next = { dueAt: new Date(Date.now() + 600_000), firesAt: new Date(Date.now() + 600_000) }
    const late = fireSchedule(pool, seen, { strategy: 'full', selection: ['person'] }, next)
    await expect(late).rejects.toMatchObject({ code: 'paused' })
    expect(await only()).toMatchObject({ turn: seen.turn, lastFiredAt: null })
  })
})
