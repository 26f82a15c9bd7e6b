// Signals of PostgreSQL: who waits for something is woken when it is committed, and looks by himself where no signal comes through.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { adapterByName } from '../../adapters/index.ts'
import { recordAsks } from '../../ledger/asks.ts'
import { changeEntities, planRun, requestSweep } from '../../ledger/entities.ts'
import { queueNotification, takeNotifications } from '../../ledger/notifications.ts'
import { takeRange } from '../../ledger/ranges.ts'
import { writeReceipts } from '../../ledger/receipts.ts'
import { changeRun, createRun, findRun, listRuns } from '../../ledger/runs.ts'
import { saveSchedule } from '../../ledger/schedules.ts'
import { CHANNELS } from '../../ledger/signals.ts'
import { pauseFailingSources, pauseSource } from '../../ledger/source-health.ts'
import { sweepDone } from '../../ledger/sweeps.ts'
import { createOrchestrator } from '../../orchestrator/orchestrator.ts'
import { ensureTopics } from '../../platform/kafka/admin.ts'
import { createKafka } from '../../platform/kafka/client.ts'
import { createLogOffsets } from '../../platform/kafka/offsets.ts'
import { createProducer } from '../../platform/kafka/producer.ts'
import { createReadAt } from '../../platform/kafka/read-at.ts'
import { silentLogger } from '../../platform/logger.ts'
import { createPool } from '../../platform/postgres.ts'
import { createSignals, type News, type Signals } from '../../platform/signals.ts'
import { uuidv7 } from '../../platform/uuid.ts'
import { mergeBatch } from '../../sinks/postgres/merge.ts'
import { createCountedRanges } from '../../sinks/seen.ts'
import { canonicalEntities } from '../../topics/canonical.ts'
import { topicsWithPrefix } from '../../topics/list.ts'
import { plannedEntity } from '../harness/planned-entity.ts'
import { startProxy } from '../harness/proxy.ts'
import { until } from './installation.ts'
import { KEYSET_WALK, receiptOf } from './ledger-fixtures.ts'
import { batchOf, createTestDatabase, recordOf, startRun, type TestDatabase } from './sink-fixtures.ts'
import { stackAddresses, topicPrefix } from './support.ts'

let db: TestDatabase
let orgId = ''
let runId = ''
const ends: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db?.drop())
beforeEach(async () => {
  ;({ orgId, runId } = await startRun(db.pool))
})
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

const listen = (pool = db.pool): Signals => {
  const signals = createSignals(pool, Object.values(CHANNELS), silentLogger)
  ends.push(signals.close)
  return signals
}

/** All that is signalled from now on, as `channel payload`. */
const hearAll = async (): Promise<string[]> => {
  const signals = listen()
  const heard: string[] = []
  const { signal } = new AbortController()
  const news = Object.values(CHANNELS).map((channel) =>
    signals.news([channel], signal, (payload) => heard.push(`${channel} ${payload}`.trim()) > 0),
  )
  await until('signals come through', () => news.every(isLive))
  return heard
}

const isLive = (news: Pick<News, 'pace'>): boolean => news.pace(0, 1) === 1

const source = () => ({ orgId, source: 'pco' })

const startWalk = async (): Promise<void> => {
  await planRun(db.pool, runId, [plannedEntity('person')])
  const ranges = [{ spec: { entity: 'person', walk: KEYSET_WALK, carries: [] }, counted: false }]
  await changeEntities(db.pool, runId, [{ entity: 'person', from: 'waiting', to: 'fetching', ranges }])
}

const receive = async (next: { after: number } | null): Promise<void> => {
  const worker = uuidv7()
  const command = { type: 'fetch', runId, ...source(), adapter: 'pco', entity: 'person', rangeId: 0, epoch: 0 } as const
  const taken = await takeRange(db.pool, command, worker)
  const [result] = await writeReceipts(db.pool, worker, [receiptOf(runId, taken?.epoch ?? -1, 0, { next })])
  expect(result?.outcome).toBe('accepted')
}

const land = (count: number) => {
  const items = Array.from({ length: count }, (_, index) => ({
    entity: 'person',
    record: recordOf('person', { orgId, externalId: String(index) }),
    origin: `${runId}/0/0/1/${index}/${count}`,
  }))
  return mergeBatch(db.pool, batchOf(items), createCountedRanges())
}

const addSchedule = async (): Promise<void> => {
  const at = new Date(Date.now() + 3_600_000)
  const rule = { cron: null, everySeconds: 600, timeZone: 'UTC', jitterSeconds: 0, missed: 'skip', blackouts: [] } as const
  await saveSchedule(
    db.pool,
    { ...source(), name: 'full', strategy: 'full', selection: null, ...rule },
    { dueAt: at, firesAt: at },
  )
}

describe('a signal tells', () => {
  test.each<[what: string, act: () => Promise<unknown>, signals: () => readonly string[]]>([
    [
      'that a run is asked for, and that it is cancelled',
      async () => {
        await changeRun(db.pool, runId, 'cancel')
        runId = await createRun(db.pool, { ...source(), adapter: 'pco', strategy: 'full', selection: ['person'] })
      },
      () => [expect.stringMatching(`^${CHANNELS.runs} `), `${CHANNELS.runs} ${runId}`],
    ],
    [
      'that a range has ended',
      () => startWalk().then(() => receive(null)),
      () => [`${CHANNELS.runs} ${runId}`, CHANNELS.progress],
    ],
    ['that a few records have landed', () => land(3), () => [CHANNELS.progress]],
    [
      'that a sweep is asked for, and that it is done',
      async () => {
        await startWalk()
        await changeEntities(db.pool, runId, [{ entity: 'person', from: 'fetching', to: 'landing' }])
        await requestSweep(db.pool, runId, 'person')
        await sweepDone(db.pool, { runId, orgId, entity: 'person' })
      },
      () => [`${CHANNELS.runs} ${runId}`, CHANNELS.sweeps, CHANNELS.progress],
    ],
    ['that a schedule is added', addSchedule, () => [CHANNELS.schedules]],
    ['that a source is paused', () => pauseSource(db.pool, source(), null), () => [CHANNELS.schedules]],
    [
      'that operators are to be told something',
      () => queueNotification(db.pool, { ...source(), kind: 'source-recovered', facts: {} }),
      () => [CHANNELS.notifications],
    ],
    [
      'that a record is to be asked for',
      () => recordAsks(db.pool, [{ ...source(), entity: 'person', externalId: '1', parents: {}, why: 'hint' }]),
      () => [CHANNELS.asks],
    ],
  ])('%s', async (_, act, signals) => {
    const heard = await hearAll()
    await act()
    const expected = signals()
    await until('all is heard', () => heard.length >= expected.length, 10_000)
    expect(heard).toEqual(expected)
  })

  test('nothing of a look that changes nothing, of a page among many, and of a batch of thousands', async () => {
    await startWalk()
    await db.pool.query('update sync.notifications set ended_at = now()')
    const heard = await hearAll()
    await pauseFailingSources(db.pool, 5)
    await takeNotifications(db.pool, 20)
    await receive({ after: 1 })
    await land(1_500)
    // Signals come in the order in which they were committed.
    await addSchedule()
    await until('the last is heard', () => heard.length > 0, 10_000)
    expect(heard).toEqual([CHANNELS.schedules])
  })
})

const topics = topicsWithPrefix(topicPrefix())

/** A leader that is woken by `signals`; comes out how often it has found nothing to do, and lain down. */
const lead = async (signals: Pick<Signals, 'news'>): Promise<() => number> => {
  const kafka = createKafka({ brokers: [stackAddresses().kafka], clientId: 'signals-test', log: silentLogger })
  const entities = canonicalEntities.map(({ entity }) => entity)
  await ensureTopics(kafka, topics.all(['pco'], entities))
  let rests = 0
  const counted = (channels: readonly string[], news: News): News => ({
    sleep: news.sleep,
    pace: (...ms) => {
      if (channels.includes(CHANNELS.runs)) rests++
      return news.pace(...ms)
    },
  })
  const role = createOrchestrator({
    pool: db.pool,
    producer: createProducer(kafka),
    offsets: createLogOffsets(kafka),
    readAt: createReadAt(kafka),
    openForMs: 15_000,
    maxFailures: 5,
    keepRunsDays: 0,
    lookBackMs: 0,
    deletions: { percent: 10, rows: 10 },
    topics,
    manifestOf: (name) => adapterByName(name).manifest,
    signals: { news: (channels, ...more) => counted(channels, signals.news(channels, ...more)) },
    log: silentLogger,
  })
  await role.start()
  ends.push(role.stop)
  return () => rests
}

const isPlanned = async (): Promise<boolean> => (await findRun(db.pool, runId))?.state === 'running'

/** Asks for a run when the leader sleeps. */
const askWhenIdle = async (rests: () => number): Promise<void> => {
  await until('it has found the run that was there', isPlanned, 20_000)
  const before = rests()
  for (const run of await listRuns(db.pool, { active: true, limit: 100 })) await changeRun(db.pool, run.runId, 'cancel')
  await until('it sleeps', () => rests() > before, 20_000)
  runId = await createRun(db.pool, { ...source(), adapter: 'pco', strategy: 'full', selection: ['campus'] })
}

describe('a leader', () => {
  test('plans a run when it is told of it, however long it would sleep', async () => {
    const signals = listen()
    const isSleepy = (news: News): News => ({ sleep: news.sleep, pace: () => 3_600_000 })
    await askWhenIdle(await lead({ news: (...of) => isSleepy(signals.news(...of)) }))
    await until('it has found the other', isPlanned, 30_000)
  })

  test('plans a run of which it was not told', async () => {
    const signals = listen()
    // They come through, as far as anybody can tell.
    await until('signals come through', () => isLive(signals.news([CHANNELS.runs], new AbortController().signal)))
    await askWhenIdle(await lead({ news: (channels, signal) => signals.news(channels, signal, () => false) }))
    await until('it has found the other', isPlanned, 30_000)
  })
})

describe('a listener', () => {
  test('whose connection is ended wakes who waits, and hears what comes after it', async () => {
    const news = listen().news([CHANNELS.asks], new AbortController().signal)
    await until('signals come through', () => isLive(news))
    await news.sleep(0)
    const woken = news.sleep(3_600_000)
    await db.pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where query like 'listen %' and datname = current_database()",
    )
    await woken
    await until('they come through again', () => isLive(news))
    // What may have been missed meanwhile.
    await news.sleep(3_600_000)
    const again = news.sleep(3_600_000)
    await recordAsks(db.pool, [{ ...source(), entity: 'person', externalId: '1', parents: {}, why: 'hint' }])
    await again
  })

  test('whose connection is dead, which nobody was told, lets them look as often as without signals until it has another', async () => {
    const proxy = await startProxy(db.url)
    const pool = createPool({ url: proxy.url, max: 4 })
    ends.push(proxy.close, () => pool.end())
    const news = listen(pool).news([CHANNELS.asks], new AbortController().signal)
    await until('signals come through', () => isLive(news))
    proxy.halfOpen()
    await until('they are known not to', () => !isLive(news))
    await until('they come through again', () => isLive(news))
  })

  test('is heard of nothing for who does not wait any more', async () => {
    const over = new AbortController()
    const news = listen().news([CHANNELS.asks], over.signal)
    const woken = news.sleep(3_600_000)
    over.abort()
    await woken
  })
})
