// An organisation that runs by itself, on the real services: its schedule fires, failures pause it, operators are told, what failed is
// taken up again, and its state goes to another installation.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { auditTrail } from '../../ledger/audit.ts'
import { findRun, hasEnded, insertRun, listRuns, type Run } from '../../ledger/runs.ts'
import { inTransaction } from '../../platform/postgres.ts'
import { type Simulator, startSimulator } from '../../simulator/simulator.ts'
import { type Front, startFront } from '../harness/front.ts'
import { type CliResult, type Installation, newInstallation, until, type WorkerProcess } from './installation.ts'

let installation: Installation
let simulator: Simulator
let front: Front
let worker: WorkerProcess
let receiver: Server
/** What was posted, and how many of the next posts are answered with 500. */
const posts: { readonly body: Record<string, unknown>; readonly taken: boolean }[] = []
let refusals = 0

const cli = (...args: readonly string[]) => installation.cli(args)
const done = async (asked: Promise<CliResult>): Promise<CliResult> => {
  const result = await asked
  expect(result.code, result.stderr).toBe(0)
  return result
}

const startReceiver = async (): Promise<string> => {
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const taken = refusals <= 0
      refusals--
      posts.push({ body: JSON.parse(Buffer.concat(chunks).toString('utf8')), taken })
      response.writeHead(taken ? 204 : 500).end()
    })
  })
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve))
  // A server that listens on a port has such an address.
  return `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook?token=hook-canary`
}

beforeAll(async () => {
  installation = await newInstallation()
  simulator = await startSimulator({ people: 40 })
  front = await startFront(simulator.url)
  const notifyUrl = await startReceiver()
  const args = ['org', 'add', '--no-schedules', 'acme', '--base-url', front.url, '--rate', 'none', '--pat-stdin']
  const added = await installation.cli(args, simulator.personalToken)
  expect(added.code, added.stderr).toBe(0)
  const settings = { SYNCLINE_PAUSE_AFTER_FAILURES: '2', SYNCLINE_NOTIFY_URL: notifyUrl, SYNCLINE_LOG_LEVEL: 'debug' }
  worker = installation.workerWith(settings, 'all')
})

afterAll(async () => {
  await worker?.stop()
  await installation?.remove()
  await front?.close()
  await simulator?.close()
  receiver?.close()
})

const runs = () => listRuns(installation.pool, { orgId: 'acme' })
const actions = async () => (await auditTrail(installation.pool, { orgId: 'acme', limit: 2_000 })).map(({ action }) => action)

/** Makes the schedule due now, and waits for the end of the run that it asks for. */
const fireNow = async (): Promise<Run> => {
  const known = new Set((await runs()).map(({ runId }) => runId))
  await installation.pool.query(`update sync.schedules set due_at = now(), fires_at = now() where org_id = 'acme'`)
  let found: Run | undefined
  await until('the run of the schedule ends', async () => {
    found = (await runs()).find(({ runId }) => !known.has(runId))
    return found !== undefined && hasEnded(found.state)
  })
  if (found === undefined) throw new Error('unreachable')
  return found
}

describe('a schedule', () => {
  test('is added, listed, paused, resumed and removed; what is wrong with one is told', async () => {
    await done(cli('schedule', 'add', '--org', 'acme', '--every', '6h', '--jitter', '5m', '--blackout', 'sun 08:00-13:00'))
    const listed = await done(cli('schedule', 'list', '--org', 'acme', '--json'))
    expect(listed.json).toMatchObject([
      {
        type: 'schedule',
        name: 'full',
        source: 'pco',
        select: null,
        everySeconds: 21_600,
        jitterSeconds: 300,
        missed: 'skip',
        blackouts: [{ days: [0], from: '08:00', to: '13:00' }],
        pausedAt: null,
      },
    ])
    expect((await done(cli('schedule', 'list'))).stdout).toMatch(/acme +full .*every 6h, jitter 5m, 1 blackout/)
    expect((await done(cli('schedule', 'pause', 'full', '--org', 'acme', '--json'))).json[0]?.['pausedAt']).not.toBeNull()
    expect((await done(cli('schedule', 'resume', 'full', '--org', 'acme', '--json'))).json[0]?.['pausedAt']).toBeNull()
    for (const [args, message] of [
      [['add', '--org', 'acme', '--every', '6h'], "has a schedule 'full' already"],
      [
        ['add', '--org', 'acme', '--every', '6h', '--name', 'b', '--strategy', 'fill'],
        "'fill' is invalid. Allowed choices are full, delta",
      ],
      [['add', '--org', 'acme', '--name', 'b', '--cron', '61 * * * *'], 'not a cron expression'],
      [['remove', 'ful', '--org', 'acme'], "no schedule 'ful'"],
    ] as const) {
      const refused = await cli('schedule', ...args)
      expect(refused.code, message).toBe(2)
      expect(refused.stderr).toContain(message)
    }
    await done(cli('schedule', 'remove', 'full', '--org', 'acme'))
    expect((await done(cli('schedule', 'list', '--json'))).json).toEqual([])
    expect((await actions()).filter((action) => action.startsWith('schedule.'))).toEqual([
      'schedule.added',
      'schedule.paused',
      'schedule.resumed',
      'schedule.removed',
    ])
  })

  test('of delta and of reconcile is what a new organisation has', async () => {
    const added = await done(installation.cli(['org', 'add', 'beta', '--base-url', front.url, '--pat-stdin', '--json'], 'a:b'))
    expect(added.json).toMatchObject([{ type: 'org', outcome: 'added', schedules: ['delta', 'reconcile'] }])
    const listed = await done(cli('schedule', 'list', '--org', 'beta', '--json'))
    expect(listed.json).toMatchObject([{ everySeconds: 600 }, { cron: '0 2 * * *' }])
    await done(cli('org', 'remove', 'beta', '--yes'))
  })

  test('fires by itself, and its run is like any other', async () => {
    await done(cli('schedule', 'add', '--org', 'acme', '--every', '6h', '--missed', 'once'))
    const run = await fireNow()
    expect(run.state, run.reason ?? '').toBe('complete')
    const shown = await done(cli('schedule', 'list', '--json'))
    expect(shown.json).toMatchObject([{ lastRunId: run.runId, lastSkipReason: null }])
  })
})

describe('a source that fails again and again', () => {
  test('is paused, which operators are told though their server refuses at first; nobody is told a secret', async () => {
    front.refuse(/./)
    refusals = 1
    expect((await fireNow()).state).toBe('failed')
    const last = await fireNow()
    expect(last.state).toBe('failed')
    await until('the notification is taken', () => posts.some(({ taken }) => taken))
    expect(posts.map(({ taken }) => taken)).toEqual([false, true])
    expect(posts[0]?.body).toEqual(posts[1]?.body)
    expect(posts[1]?.body).toMatchObject({ type: 'source-paused', org: 'acme', source: 'pco', failures: 2, runId: last.runId })
    expect(posts[1]?.body['next']).toBe('syncline resume --org acme --source pco')
    expect(worker.log()).toContain('"msg":"source paused"')
    expect(worker.log() + JSON.stringify(posts)).not.toContain('hook-canary')
    expect(await actions()).toContain('source.paused')
  })

  test('fires no schedule and refuses a sync with the reason, until it is resumed', async () => {
    front.refuse(null)
    const before = (await runs()).length
    await installation.pool.query(`update sync.schedules set due_at = now(), fires_at = now() where org_id = 'acme'`)
    const asked = simulator.stats().calls
    const refused = await cli('sync', '--org', 'acme', '--json')
    expect([refused.code, refused.json]).toMatchObject([5, [{ type: 'error', code: 'paused' }]])
    expect(simulator.stats().calls).toBe(asked)
    expect(refused.stderr).toMatch(/acme\/pco is paused since .*: 2 runs in a row failed/)
    expect(refused.stderr).toContain('syncline resume --org acme')
    expect((await runs()).length).toBe(before)
    expect((await done(cli('status', '--org', 'acme', '--json'))).json).toMatchObject([{ type: 'source', failures: 2 }])
  })

  test('is told to have recovered by the first run that is complete', async () => {
    const before = (await runs()).length
    await done(cli('resume', '--org', 'acme'))
    await until('the due time that had passed is made up for', async () => {
      const all = await runs()
      const [last] = all
      return all.length > before && last !== undefined && hasEnded(last.state)
    })
    expect((await runs())[0]?.state).toBe('complete')
    await until('the recovery is told', () => posts.some(({ body }) => body['type'] === 'source-recovered'))
    expect((await done(cli('status', '--json'))).json).toEqual([])
  })
})

describe('an organisation', () => {
  test('is paused with its runs, refuses new ones, and goes on', async () => {
    simulator.mutate({ op: 'insert', entity: 'campus', attributes: { name: 'North' } })
    await worker.stop()
    const asked = await done(cli('sync', '--org', 'acme', '--json'))
    const runId = String(asked.json[0]?.['runId'])
    const paused = await done(cli('pause', '--org', 'acme', '--reason', 'house moving', '--json'))
    expect(paused.json).toMatchObject([
      { type: 'source-paused', org: 'acme', source: 'pco', reason: 'house moving', changed: true },
      { type: 'run', runId, state: 'paused' },
    ])
    expect((await cli('sync', '--org', 'acme')).stderr).toContain('house moving')
    const resumed = await done(cli('resume', '--org', 'acme', '--with-workers', '--json'))
    expect(resumed.json.at(-1)).toMatchObject({ type: 'run', runId, state: 'complete' })
    expect((await actions()).filter((action) => action.startsWith('source.')).slice(-2)).toEqual([
      'source.paused',
      'source.resumed',
    ])
  })

  test('of which one source is named keeps its hands off the runs of another', async () => {
    const args = [
      'org',
      'add',
      '--no-schedules',
      'acme',
      '--source',
      'north',
      '--base-url',
      front.url,
      '--rate',
      'none',
      '--pat-stdin',
    ]
    await done(installation.cli(args, simulator.personalToken))
    const asked = { orgId: 'acme', source: 'pco', adapter: 'pco', strategy: 'full', selection: ['campus'] } as const
    // Paused from its beginning: it is not to end by itself.
    const runId = await inTransaction(installation.pool, async (client) => {
      const id = await insertRun(client, asked)
      await client.query("update sync.runs set state = 'paused' where run_id = $1", [id])
      return id
    })
    for (const call of [['cancel'], ['resume', '--wait']]) {
      const refused = await cli(...call, '--org', 'acme', '--source', 'north')
      expect({ code: refused.code, stderr: refused.stderr }).toMatchObject({
        code: 2,
        stderr: expect.stringContaining('acme/north'),
      })
      expect((await findRun(installation.pool, runId))?.state).toBe('paused')
    }
    const unnamed = await cli('org', 'connect', 'acme', '--client-id', 'app')
    expect(unnamed).toMatchObject({ code: 2, stderr: expect.stringContaining('several sources') })
    await done(cli('cancel', '--org', 'acme', '--source', 'pco'))
    await done(cli('org', 'remove', 'acme', '--source', 'north', '--yes'))
  })

  test('has all its active runs cancelled, and says when there is none', async () => {
    const asked = await done(cli('sync', '--org', 'acme', '--json'))
    expect((await done(cli('cancel', '--org', 'acme', '--json'))).json).toMatchObject([
      { type: 'run', runId: asked.json[0]?.['runId'], state: 'cancelled' },
    ])
    const none = await cli('cancel', '--org', 'acme')
    expect([none.code, none.stderr]).toEqual([2, expect.stringContaining('acme has no active run')])
  })
})

describe('a run of which something failed', () => {
  test('is taken up again by what failed and what depends on it, and by nothing else', async () => {
    front.refuse(/^\/groups\//)
    // The request before a run would be refused as well, and nothing begun.
    const selected = ['sync', '--org', 'acme', '--select', 'campus,person,group,event,group-membership', '--json']
    const failed = await cli(...selected, '--with-workers')
    const line = failed.json.at(-1)
    expect(line, failed.stderr).toMatchObject({ type: 'run', state: 'failed' })
    const runId = String(line?.['runId'])
    front.refuse(null)
    const retried = await done(cli('retry', runId, '--with-workers', '--json'))
    const selection = ['group', 'event', 'group-membership']
    expect(retried.json[0]).toMatchObject({ type: 'run-created', retryOf: runId })
    expect([...((retried.json[0]?.['selection'] ?? []) as string[])].sort()).toEqual([...selection].sort())
    expect(retried.json.at(-1)).toMatchObject({ type: 'run', state: 'complete' })
    expect(await actions()).toContain('run.retried')
    const again = await cli('retry', String(retried.json[0]?.['runId']))
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('No entity of run')])
    const next = String(retried.json[0]?.['runId'])
    expect((await findRun(installation.pool, next))?.strategy).toBe('full')
  })
})

describe('the state', () => {
  test('goes to a fresh installation as it is, and not to one that is not connected', async () => {
    await done(
      cli('schedule', 'add', '--org', 'acme', '--name', 'nightly', '--cron', '0 3 * * *', '--time-zone', 'Europe/Berlin'),
    )
    await done(cli('schedule', 'pause', 'nightly', '--org', 'acme'))
    const exported = await done(cli('state', 'export'))
    expect(exported.json[0]).toMatchObject({ type: 'syncline-state', version: 1 })
    const fresh = await newInstallation()
    try {
      const refused = await fresh.cli(['state', 'import', '-'], exported.stdout)
      expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('acme/pco')])
      const args = ['org', 'add', '--no-schedules', 'acme', '--base-url', front.url, '--pat-stdin']
      await done(fresh.cli(args, simulator.personalToken))
      const tried = await done(fresh.cli(['state', 'import', '-', '--dry-run', '--json'], exported.stdout))
      // Two schedules, and the watermarks of what has been read.
      const lines = exported.json.length - 1
      expect(lines).toBeGreaterThan(2)
      const outcomes = (result: CliResult) => [result.json.length, ...new Set(result.json.map((line) => line['outcome']))]
      expect(outcomes(tried)).toEqual([lines, 'added'])
      expect((await done(fresh.cli(['schedule', 'list', '--json']))).json).toEqual([])
      await done(fresh.cli(['state', 'import', '-'], exported.stdout))
      const again = await done(fresh.cli(['state', 'export']))
      expect(again.json.slice(1)).toEqual(exported.json.slice(1))
      const second = await done(fresh.cli(['state', 'import', '-', '--json'], exported.stdout))
      expect(outcomes(second)).toEqual([lines, 'unchanged'])
      const trail = await auditTrail(fresh.pool, { orgId: 'acme', limit: 100 })
      expect(trail.filter(({ action }) => action === 'state.imported')).toHaveLength(2)
    } finally {
      await fresh.remove()
    }
  })

  test('of a file that is wrong in one line leaves everything as it was, and names the line', async () => {
    const before = (await done(cli('state', 'export'))).json.slice(1)
    const [header, first = ''] = (await done(cli('state', 'export'))).stdout.split('\n')
    const changed = first.replace(/"jitterSeconds":\d+/, '"jitterSeconds":7')
    for (const [text, message] of [
      [`${header}\n${changed}\n{"type":"schedule","org":"acme"}\n`, 'Line 3 of -'],
      [`${header}\n${changed}\nnot json\n`, 'Line 3 of - is not JSON'],
      [`{"type":"syncline-state","version":2}\n${changed}\n`, 'Line 1 of -'],
      [`${header}\n${changed}\n${first.replace('"acme"', '"beta"')}\n`, 'beta/pco'],
    ] as const) {
      const refused = await installation.cli(['state', 'import', '-'], text)
      expect([refused.code, refused.stderr], text).toEqual([2, expect.stringContaining(message)])
    }
    expect((await done(cli('state', 'export'))).json.slice(1)).toEqual(before)
  })
})
