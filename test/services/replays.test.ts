// What the merge makes of replays in the ledger: once, in whatever order, and of ended runs too.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { markReplaying, recordDrop } from '../../ledger/dead-letter-actions.ts'
import { findLetters, LETTER_STATES } from '../../ledger/dead-letter-search.ts'
import { refused, registrable } from '../../sinks/dead-letters.ts'
import { createGatherer, type Gatherer } from '../../sinks/gather.ts'
import { createRecordEncoder } from '../../sinks/postgres/copy.ts'
import { mergeBatch } from '../../sinks/postgres/merge.ts'
import { createCountedRanges } from '../../sinks/seen.ts'
import { canonicalEntity } from '../../topics/canonical.ts'
import { decodeDeadLetter, encodeDeadLetter, encodePlace, type LetterPlace } from '../../topics/dead-letters.ts'
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

test('a merger of people that the table refused lands under its own name when it is replayed', async () => {
  const header = `person-merger@${run.runId}/0/0/1/0/1`
  const gatherer = createGatherer({ maxRecords: 100, maxBytes: 1_000_000 }, 1)
  const removed = recordOf('person', { orgId: run.orgId, externalId: '2', deletedAt: 1 })
  const encoded = createRecordEncoder(canonicalEntity('person'), () => undefined)(removed)
  gatherer.record('person', encoded, { value: Buffer.from('avro'), origin: header })
  const [record] = gatherer.take().records
  if (record === undefined) throw new Error('no record')
  const { letter, value } = refused(record, 'SQLSTATE 23514')
  const place = { topic, partition: 0, offset: nextOffset++ }
  await merge((into) => into.deadLetter(registrable(decodeDeadLetter(encodeDeadLetter(letter)), place, value.length), header))
  const landing = async () => {
    const sql = 'select merged::text, dead::text from sync.landings where run_id = $1 and entity = $2'
    return (await db.pool.query(sql, [run.runId, 'person-merger'])).rows
  }
  expect(await landing()).toEqual([{ merged: '0', dead: '1' }])
  await markReplaying(db.pool, [place], 'ana')
  await merge((into) => into.record('person', encoded, { value: null, origin: header, replays: encodePlace(place) }))
  expect(await landing()).toEqual([{ merged: '1', dead: '0' }])
  const [settled] = await findLetters(db.pool, { topic, places: [place], states: LETTER_STATES }, 10)
  expect(settled).toMatchObject({ entity: 'person-merger', externalId: '2', state: 'replayed', outcome: 'merged' })
})

test('of one page of mergers one lands and one dies in one batch', async () => {
  const header = (index: number) => `person-merger@${run.runId}/0/0/1/${index}/2`
  const why = { stage: 'process', code: 'mapping', reason: 'a fault' } as const
  const origin = { runId: run.runId, rangeId: 0, page: 0, attempt: 1, index: 1, count: 2, entity: 'person-merger' }
  const place = { topic, partition: 0, offset: nextOffset++ }
  const owner = { orgId: run.orgId, source: 'pco', entity: 'person-merger', externalId: '3' }
  const encoded = createRecordEncoder(
    canonicalEntity('person'),
    () => undefined,
  )(recordOf('person', { orgId: run.orgId, externalId: '2', deletedAt: 1 }))
  await merge((into) => {
    into.record('person', encoded, { value: null, origin: header(0) })
    into.deadLetter({ ...place, ...owner, ...why, origin, bytes: 1 }, header(1))
  })
  const sql = 'select merged::text, dead::text from sync.landings where run_id = $1 and entity = $2'
  expect((await db.pool.query(sql, [run.runId, 'person-merger'])).rows).toEqual([{ merged: '10', dead: '01' }])
})
