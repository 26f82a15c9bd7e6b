// Healing in the ledger, on a real PostgreSQL with a Kafka that has lost everything: each change once, however many leaders try.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { recordDeadLetters } from '../../ledger/dead-letters.ts'
import { changeEntities, planRun } from '../../ledger/entities.ts'
import { healedPages, movePage, type OpenPage, overduePages, rewindRange, unreadableSince } from '../../ledger/healing.ts'
import { saveConnection } from '../../ledger/organisations.ts'
import { entityProgress } from '../../ledger/progress.ts'
import { openPages, type TakenRange, takeRange } from '../../ledger/ranges.ts'
import { type Receipt, writeReceipts } from '../../ledger/receipts.ts'
import { createRun } from '../../ledger/runs.ts'
import { renewLease } from '../../ledger/workers.ts'
import { createHealer } from '../../orchestrator/healer.ts'
import type { OutgoingTopic } from '../../platform/kafka/encode.ts'
import { silentLogger } from '../../platform/logger.ts'
import type { Pool } from '../../platform/postgres.ts'
import { uuidv7 } from '../../platform/uuid.ts'
import { topicsWithPrefix } from '../../topics/list.ts'
import { plannedEntity } from '../harness/planned-entity.ts'
import { type FreshLedger, freshLedger, KEYSET_WALK, keyRing, receiptOf } from './ledger-fixtures.ts'

let ledger: FreshLedger
let pool: Pool
let runId = ''
let organisations = 0
const worker = uuidv7()
const key = keyRing(7)

const spec = { entity: 'person', walk: KEYSET_WALK, carries: ['email'] }

const take = async (epoch: number): Promise<TakenRange | undefined> => {
  const names = { orgId: `org-${organisations}`, source: 'pco', adapter: 'pco', entity: 'person' }
  return takeRange(pool, { type: 'fetch', runId, ...names, rangeId: 0, epoch }, worker)
}

const receive = async (epoch: number, page: number, more: Partial<Receipt> = {}) => {
  const receipt = receiptOf(runId, epoch, page, { counts: { person: 4, email: 2 }, ...more })
  return (await writeReceipts(pool, worker, [receipt]))[0]?.outcome
}

const land = (page: number, of: string) =>
  pool.query(
    `update sync.landings set merged = repeat('1', expected)::bit varying where run_id = $1 and page = $2 and entity = $3`,
    [runId, page, of],
  )

const open = async (): Promise<readonly [OpenPage, ...OpenPage[]]> => {
  const { pages } = await overduePages(pool, 0, 100)
  const [first, ...others] = pages.filter((page) => page.runId === runId).sort((a, b) => a.page - b.page)
  if (first === undefined) throw new Error('no page is open')
  return [first, ...others]
}

const states = async () => (await entityProgress(pool, [runId])).get(runId)?.map((each) => `${each.entity} ${each.state}`)

beforeAll(async () => {
  ledger = await freshLedger()
  pool = ledger.pool
})

afterAll(async () => {
  await ledger?.remove()
})

beforeEach(async () => {
  const org = { orgId: `org-${++organisations}`, source: 'pco', adapter: 'pco' }
  const connection = { baseUrl: null, settings: {}, rateLimit: null, credential: 'id:secret' }
  await saveConnection(pool, key, { ...org, ...connection })
  await renewLease(pool, worker, ['fetch'])
  runId = await createRun(pool, { ...org, strategy: 'full', selection: ['person'] })
  await planRun(pool, runId, [
    plannedEntity('person', { carries: ['email'] }),
    plannedEntity('email', { carrier: 'person', ordinal: 1 }),
  ])
  await changeEntities(pool, runId, [{ entity: 'person', from: 'waiting', to: 'fetching', ranges: [{ spec, counted: false }] }])
  await changeEntities(pool, runId, [{ entity: 'email', from: 'waiting', to: 'fetching' }])
})

test('a page that nobody ever processed is open by its receipt alone, with all that it brings', async () => {
  await take(0)
  await receive(1, 0, { counts: { person: 4, email: 2 } })
  await receive(1, 1, { counts: { person: 4, email: 0 }, next: null })
  const pages = (await open()).map(({ page, open: waiting }) => [page, waiting.map((each) => each.entity)])
  expect(pages).toEqual([
    [0, ['person', 'email']],
    [1, ['person']],
  ])
})

test('a page that two leaders produced again is moved and counted once', async () => {
  await take(0)
  await receive(1, 0)
  const [page] = await open()
  const moved = await Promise.all([7n, 8n].map((offset) => movePage(pool, page, { partition: 0, offset })))
  expect(moved.toSorted()).toEqual([false, true])
  expect(await healedPages(pool, runId)).toMatchObject([{ entity: 'person', rangeId: 0, page: 0, times: 1 }])
  expect((await open())[0]).toMatchObject({ heals: 1, rawOffset: moved[0] ? 7n : 8n })
})

test('a range is rewound once: later pages count no more, what they bring is fetched again, by whoever comes', async () => {
  await take(0)
  for (const page of [0, 1, 2, 3]) await receive(1, page, page === 3 ? { next: null } : {})
  for (const page of [0, 1, 3]) await land(page, 'person')
  await land(0, 'email')
  for (const name of ['person', 'email']) await changeEntities(pool, runId, [{ entity: name, from: 'fetching', to: 'landing' }])
  await changeEntities(pool, runId, [{ entity: 'person', from: 'landing', to: 'closed' }])
  const [, ...lost] = await open()
  const [first, ...others] = lost
  if (first === undefined) throw new Error('page 2 is not open')
  expect(first.page).toBe(2)

  const rewound = await Promise.all([rewindRange(pool, [first, ...others]), rewindRange(pool, [first, ...others])])
  expect(rewound.toSorted()).toEqual([false, true])
  expect(await states()).toEqual(['person fetching', 'email fetching'])
  expect((await open()).map(({ page }) => page)).toEqual([1])
  expect(await take(2)).toMatchObject({ epoch: 3, nextPage: 2, cursor: { after: 1 } })
  expect(await receive(3, 2)).toBe('accepted')
  // Back-pressure is of accepted pages: 1 lacks its emails, 2 was received just now.
  expect(await openPages(pool, { runId, rangeId: 0, spec })).toBe(2)
  expect((await healedPages(pool, runId)).map(({ page }) => page)).toEqual([2, 3])
})

test('whoever holds the range when it is rewound is refused its next receipt', async () => {
  await take(0)
  await receive(1, 0)
  expect(await rewindRange(pool, await open())).toBe(true)
  expect(await receive(1, 1)).toBe('refused')
  expect(await take(2)).toMatchObject({ nextPage: 0, cursor: null })
})

const openOnceMore = async () => {
  const range = await take(6)
  await receive(range?.epoch ?? -1, 0)
  return open()
}

/** A log of ten messages that are all gone; nothing else is on any topic. */
const healerOf = (sent: OutgoingTopic[]) => {
  const gone = async (topics: readonly string[]) => new Map(topics.map((topic) => [`${topic}/0`, 10n]))
  return createHealer({
    pool,
    producer: {
      connect: async () => undefined,
      disconnect: async () => undefined,
      send: async (topics) => {
        sent.push(...topics)
        return []
      },
      sendEncoded: async () => [],
    },
    offsets: {
      connect: async () => undefined,
      disconnect: async () => undefined,
      starts: gone,
      ends: async () => new Map(),
      positions: async (_, topics) => gone(topics),
    },
    readAt: async () => new Map(),
    topics: topicsWithPrefix(''),
    log: silentLogger,
    openForMs: 0,
  })
}

/** The first page of the range is received, and vanishes, so often. */
const vanish = async (sent: OutgoingTopic[], often: number): Promise<void> => {
  const healer = healerOf(sent)
  for (let times = 1; times <= often; times++) {
    const range = await take(2 * (times - 1))
    await receive(range?.epoch ?? -1, 0)
    const before = await states()
    expect(before).toEqual(['person fetching', 'email fetching'])
    await healer.look()
    await healer.look()
  }
}

test('a page that vanishes a fourth time fails its entities, and is named', async () => {
  const sent: OutgoingTopic[] = []
  await vanish(sent, 4)
  expect(await states()).toEqual(['person failed', 'email failed'])
  const [person] = (await entityProgress(pool, [runId])).get(runId) ?? []
  expect(person?.reason).toContain('Page 0 of range 0 of person vanished')
  expect(await healedPages(pool, runId)).toMatchObject([{ page: 0, times: 3 }])
  const events = sent.flatMap(({ messages }) => messages.map(({ value }) => JSON.parse(String(value))))
  const ours = events.filter((event) => event.runId === runId)
  expect(ours.map(({ type }) => type)).toEqual(['healed', 'healed', 'healed', 'entity', 'entity'])
})

test('one of which dead letters say that nobody could work on it is not said to have vanished', async () => {
  await vanish([], 3)
  const letter = { orgId: `org-${organisations}`, source: 'pco', entity: 'person', externalId: null, reason: 'broken' } as const
  const place = { topic: 'dead', partition: 0, offset: BigInt(organisations), bytes: 1, round: 0, origin: undefined }
  const [page] = await openOnceMore()
  await recordDeadLetters(pool, [{ ...letter, ...place, stage: 'process', code: 'unreadable' }])
  expect(await unreadableSince(pool, page)).toBe(1)
  const healer = healerOf([])
  await healer.look()
  await healer.look()
  const [person] = (await entityProgress(pool, [runId])).get(runId) ?? []
  expect(person?.reason).toContain('syncline dlq list')
})
