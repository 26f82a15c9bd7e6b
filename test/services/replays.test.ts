// What the merge makes of replays in the ledger: once, in whatever order, and of ended runs too.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { markReplaying, recordDrop } from '../../ledger/dead-letter-actions.ts'
import { findLetters, LETTER_STATES } from '../../ledger/dead-letter-search.ts'
import { createGatherer, type Gatherer } from '../../sinks/gather.ts'
import { createRecordEncoder } from '../../sinks/postgres/copy.ts'
import { mergeBatch } from '../../sinks/postgres/merge.ts'
import { createCountedRanges } from '../../sinks/seen.ts'
import { canonicalEntity } from '../../topics/canonical.ts'
import { encodePlace, type LetterPlace } from '../../topics/dead-letters.ts'
import { createTestDatabase, recordOf, startRun, type TestDatabase } from './sink-fixtures.ts'

const topic = 'sync.dead-letters'
const encode = createRecordEncoder(canonicalEntity('campus'), () => undefined)
const counted = createCountedRanges()

let db: TestDatabase
let run: { runId: string; orgId: string }
let first: LetterPlace
let nextOffset = 0n

beforeAll(async () => {
  db = await createTestDatabase()
})
afterAll(() => db?.drop())

const origin = () => `${run.runId}/0/0/1/1/2`

const merge = async (fill: (into: Gatherer) => void): Promise<void> => {
  const gatherer = createGatherer({ maxRecords: 100, maxBytes: 1_000_000 }, 1)
  fill(gatherer)
  await mergeBatch(db.pool, gatherer.take(), counted)
}

/** A dead letter of the record, at a place of its own; one that answers a replay names that letter. */
const die = (replays?: LetterPlace) => (into: Gatherer) => {
  const place = { topic, partition: 0, offset: nextOffset++ }
  const { runId, orgId } = run
  const why = { stage: 'process', code: 'mapping', reason: 'a fault' } as const
  const at = { runId, rangeId: 0, page: 0, attempt: 1, index: 1, count: 2 }
  into.deadLetter(
    { ...place, orgId, source: 'pco', entity: 'campus', externalId: '1', ...why, origin: at, replays, bytes: 1 },
    origin(),
  )
}

const land = (replays: LetterPlace) => (into: Gatherer) =>
  into.record('campus', encode(recordOf('campus', { orgId: run.orgId, externalId: '1' })), {
    value: null,
    origin: origin(),
    replays: encodePlace(replays),
  })

const bits = async () => {
  const { rows } = await db.pool.query(`select merged::text, unchanged::text, dead::text from sync.landings where run_id = $1`, [
    run.runId,
  ])
  return rows[0]
}

const letters = async () =>
  (await findLetters(db.pool, { topic, runId: run.runId, states: LETTER_STATES }, 10))
    .map(({ state, round, outcome }) => `${round} ${state} ${outcome ?? '-'}`)
    .sort()

beforeEach(async () => {
  run = await startRun(db.pool)
  first = { topic, partition: 0, offset: nextOffset }
  await merge(die())
  expect(await bits()).toMatchObject({ merged: '00', dead: '01' })
})

test.each(['running', 'complete_with_exceptions'])('a record that lands moves its bit, in a run that is %s', async (state) => {
  await db.pool.query('update sync.runs set state = $2 where run_id = $1', [run.runId, state])
  await markReplaying(db.pool, [first], 'ana')
  await merge(land(first))
  expect(await bits()).toMatchObject({ merged: '01', dead: '00' })
  expect(await letters()).toEqual(['0 replayed merged'])
  // The same batch, and the page that the record had died with, once more.
  await merge(land(first))
  await merge(die())
  expect(await bits()).toMatchObject({ merged: '01', unchanged: '00', dead: '00' })
  expect(await letters()).toEqual(['0 replayed merged'])
})

test('one that dies again is one letter of the next round, however often it comes', async () => {
  await markReplaying(db.pool, [first], 'ana')
  const second = { topic, partition: 0, offset: nextOffset }
  await merge(die(first))
  await merge(die(first))
  expect(await bits()).toMatchObject({ dead: '01' })
  expect(await letters()).toEqual(['0 replayed dead', '1 open -'])
  await markReplaying(db.pool, [second], 'ana')
  await merge(land(second))
  expect(await bits()).toMatchObject({ merged: '01', dead: '00' })
  expect(await letters()).toEqual(['0 replayed dead', '1 replayed merged'])
})

test('of two replays of one letter the one that lands counts; the other leaves no letter', async () => {
  await markReplaying(db.pool, [first], 'ana')
  await merge((into) => {
    die(first)(into)
    land(first)(into)
  })
  await merge(die(first))
  expect(await bits()).toMatchObject({ merged: '01', dead: '00' })
  expect(await letters()).toEqual(['0 replayed merged'])
})

test('a letter that nobody replays keeps its record dead; a dropped one can be taken back, a replayed one not', async () => {
  await merge(land(first))
  expect(await bits()).toMatchObject({ merged: '00', dead: '01' })
  const drop = { orgId: run.orgId, places: [first], actor: 'ana', reason: 'a test' }
  expect(await recordDrop(db.pool, { ...drop, orgId: 'another' })).toBe(0)
  expect([await recordDrop(db.pool, drop), await recordDrop(db.pool, drop)]).toEqual([1, 0])
  expect(await markReplaying(db.pool, [first], 'ana')).toBe(1)
  await merge(land(first))
  expect(await bits()).toMatchObject({ unchanged: '01', dead: '00' })
  expect(await markReplaying(db.pool, [first], 'ana')).toBe(0)
})
