// Failures in a row, and the outbox, on a real PostgreSQL: counted once per run, paused once, told at least once.
import { randomUUID } from 'node:crypto'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { postponeAsks, recordAsks, takeAsks } from '../../ledger/asks.ts'
import { pauseForAuth, resumeAfterAuth } from '../../ledger/auth-pause.ts'
import { queueNotification, takeNotifications } from '../../ledger/notifications.ts'
import { saveConnection } from '../../ledger/organisations.ts'
import { changeRun, changeRunIfCan, createRun, endRun, findRun, type RunState } from '../../ledger/runs.ts'
import { parseEncryptionKey } from '../../ledger/secrets.ts'
import { pauseFailingSources, pauseSource, resumeSource, troubledSources } from '../../ledger/source-health.ts'
import { sendNotifications } from '../../orchestrator/notify.ts'
import { createLogger, silentLogger } from '../../platform/logger.ts'
import { inTransaction, type Pool } from '../../platform/postgres.ts'
import { type FreshLedger, freshLedger } from './ledger-fixtures.ts'

let ledger: FreshLedger
let pool: Pool
let orgId = ''

beforeAll(async () => {
  ledger = await freshLedger({ max: 8 })
  pool = ledger.pool
})
afterAll(async () => {
  await ledger?.remove()
})
beforeEach(async () => {
  orgId = `org-${randomUUID().slice(0, 8)}`
  const connection = { orgId, source: 'pco', adapter: 'pco', baseUrl: null, settings: {}, rateLimit: null, credential: 'a:b' }
  await saveConnection(pool, parseEncryptionKey('0'.repeat(64)), connection)
  await pool.query('delete from sync.notifications')
})

const source = () => ({ orgId, source: 'pco' })
const ask = () => createRun(pool, { ...source(), adapter: 'pco', strategy: 'full', selection: ['person'] })

const runs = async (...ends: readonly RunState[]): Promise<void> => {
  for (const state of ends) {
    const runId = await ask()
    if (state === 'cancelled') await changeRun(pool, runId, 'cancel')
    else if (state !== 'planned' && state !== 'running' && state !== 'paused')
      await endRun(pool, runId, { state, errorCode: state === 'failed' ? 'auth' : null, reason: state })
  }
}

const told = async () => {
  const { rows } = await pool.query<{ kind: string; facts: unknown }>(
    'select kind, facts from sync.notifications where org_id = $1 order by created_at',
    [orgId],
  )
  return rows.map(({ kind }) => kind)
}

test('a run that has ended meanwhile is left alone where one of several is changed, and an error where it is named', async () => {
  const runId = await ask()
  await endRun(pool, runId, { state: 'complete', errorCode: null, reason: null })
  expect(await changeRunIfCan(pool, runId, 'cancel')).toBeUndefined()
  await expect(changeRun(pool, runId, 'cancel')).rejects.toMatchObject({ code: 'conflict' })
})

describe('a connection that is authorised again', () => {
  const authorise = () =>
    inTransaction(pool, async (client) => {
      return resumeAfterAuth(client, orgId, 'pco')
    })
  const stateOf = async (runId: string) => (await findRun(pool, runId))?.state

  test('lets its runs go on, but not those of a source that somebody has paused', async () => {
    const runId = await ask()
    await pauseForAuth(pool, orgId, 'pco', 'refused')
    await pauseSource(pool, source(), 'house moving')
    expect(await authorise()).toEqual([])
    expect(await stateOf(runId)).toBe('paused')
    // It waits for him alone.
    await resumeSource(pool, source())
    await changeRun(pool, runId, 'resume')
    await pauseForAuth(pool, orgId, 'pco', 'refused')
    expect(await authorise()).toEqual([runId])
    expect(await stateOf(runId)).toBe('planned')
  })

  test('has what it was asked for and refused asked at once', async () => {
    const [worker] = ['00000000-0000-7000-8000-00000000000a']
    const about = { ...source(), entity: 'person', externalId: '1', parents: {} }
    await recordAsks(pool, [{ ...about, why: 'hint' }])
    const taken = await takeAsks(pool, worker, 10, [])
    await postponeAsks(
      pool,
      worker,
      taken.map((ask) => ({ ask, inMs: 3_600_000, reason: 'refused' })),
    )
    expect(await takeAsks(pool, worker, 10, [])).toEqual([])
    await authorise()
    expect(await takeAsks(pool, worker, 10, [])).toMatchObject([{ externalId: '1', failures: 0 }])
  })
})

describe('failures in a row', () => {
  test('are counted once per run, and end with one that is not', async () => {
    await runs('failed', 'cancelled', 'failed')
    expect(await troubledSources(pool, orgId)).toMatchObject([{ failures: 2, pausedAt: null }])
    const runId = await ask()
    const end = { state: 'failed', errorCode: null, reason: null } as const
    const ended = await Promise.all([endRun(pool, runId, end), endRun(pool, runId, end)])
    expect(ended.filter(Boolean)).toHaveLength(1)
    expect(await troubledSources(pool, orgId)).toMatchObject([{ failures: 3 }])
    await runs('complete_with_exceptions')
    expect(await troubledSources(pool, orgId)).toEqual([])
    expect(await told()).toEqual([])
  })

  test('of a paused source are not over with a run that had begun before; with the first one afterwards they are', async () => {
    await runs('failed', 'failed')
    const [begun, end] = [await ask(), { state: 'complete', errorCode: null, reason: null } as const]
    await pauseFailingSources(pool, 2)
    await endRun(pool, begun, end)
    expect(await told()).toEqual(['source-paused'])
    expect(await troubledSources(pool, orgId)).toMatchObject([{ failures: 2, pausedAt: expect.any(Date) }])
    await resumeSource(pool, source())
    await runs('complete')
    expect(await told()).toEqual(['source-paused', 'source-recovered'])
  })

  test('pause the source when there are as many as the setting says, once though two leaders look', async () => {
    await runs('failed', 'failed')
    expect(await pauseFailingSources(pool, 3)).toEqual([])
    await runs('failed')
    const paused = await Promise.all([pauseFailingSources(pool, 3), pauseFailingSources(pool, 3)])
    expect(paused.flat()).toMatchObject([{ orgId, failures: 3 }])
    expect(await told()).toEqual(['source-paused'])
    await expect(ask()).rejects.toMatchObject({ code: 'paused', message: expect.stringContaining('3 runs in a row failed') })
  })

  test('are counted anew after a resume; the first complete run after it is told, and the next is not', async () => {
    await runs('failed', 'failed')
    await pauseFailingSources(pool, 2)
    await resumeSource(pool, source())
    await runs('failed')
    expect(await pauseFailingSources(pool, 2)).toEqual([])
    await runs('complete', 'complete')
    expect(await told()).toEqual(['source-paused', 'source-recovered'])
  })
})

describe('the outbox', () => {
  let receiver: Server
  let url = ''
  let status = 204
  let seen: string[] = []

  beforeAll(async () => {
    receiver = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        seen.push(JSON.parse(Buffer.concat(chunks).toString('utf8')).id)
        if (status > 0) response.writeHead(status, { location: 'http://127.0.0.1:9/' }).end()
      })
    })
    await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
    // A server that listens on a port has such an address.
    url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
  })
  afterAll(() => {
    receiver.closeAllConnections()
    receiver.close()
  })
  beforeEach(async () => {
    seen = []
    status = 204
    await queueNotification(pool, { ...source(), kind: 'source-paused', facts: {} })
  })

  const times = { timeoutMs: 200, baseMs: 1, maxMs: 2 }
  const send = () => sendNotifications({ pool, log: silentLogger, url, signal: new AbortController().signal, times })
  const passTime = () => pool.query("update sync.notifications set next_at = now() - interval '1 second' where ended_at is null")
  const open = async () => (await pool.query('select from sync.notifications where ended_at is null')).rowCount

  test.each([
    ['refuses it', 503],
    ['sends elsewhere', 302],
    ['does not answer', 0],
  ])('tries again where the receiver %s, and ends what is taken', async (_, wrong) => {
    status = wrong
    expect(await send()).toBe(1)
    expect(await open()).toBe(1)
    status = 204
    await passTime()
    expect(await send()).toBe(1)
    expect(await open()).toBe(0)
    expect(await send()).toBe(0)
    expect(new Set(seen).size).toBe(1)
    expect(seen).toHaveLength(2)
  })

  test('sends again what a leader took and did not end, and lets no other take it at once', async () => {
    expect(await takeNotifications(pool, 10)).toHaveLength(1)
    expect(await send()).toBe(0)
    await passTime()
    expect(await send()).toBe(1)
    expect(await open()).toBe(0)
  })

  test('is worked off by the log alone where there is no address', async () => {
    const lines: unknown[] = []
    const log = createLogger('info', { write: (line) => void lines.push(JSON.parse(line)) })
    await sendNotifications({ pool, log, signal: new AbortController().signal })
    expect(lines).toMatchObject([{ org: orgId, source: 'pco', msg: 'source paused' }])
    expect(await open()).toBe(0)
  })
})
