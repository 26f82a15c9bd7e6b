import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { RangeEvidence } from '../../../ledger/evidence.ts'
import { byName } from '../../../orchestrator/decide.ts'
import { doubtOf, judgeWalk, type Proof } from '../../../orchestrator/proof.ts'
import { progressOf } from './progress.ts'

const none = { fresh: 0, firstTotal: null, lastTotal: null, distinct: 0, drifted: false }
const keyset = (fresh: number, total: number | null): RangeEvidence => ({
  ...none,
  walk: { kind: 'keyset', field: 'created_at', from: null, to: null, split: false },
  fresh,
  firstTotal: total,
  lastTotal: total,
})
/** Totals before and after, and in between the rows with a key. */
const count = (before: number | null, keyed = before, after = before): RangeEvidence => ({
  ...none,
  walk: { kind: 'count', field: 'created_at' },
  fresh: keyed ?? 0,
  firstTotal: before,
  lastTotal: after,
})
const sweep = (number: number, distinct: number, before: number | null, after = before): RangeEvidence => ({
  ...none,
  walk: { kind: 'offset', order: 'name', sweep: number },
  distinct,
  firstTotal: before,
  lastTotal: after,
})

const COUNT = { kind: 'more', walk: { kind: 'count', field: 'created_at' } }
const SWEEP = { kind: 'more', walk: { kind: 'offset', order: 'created_at', sweep: 1 }, counted: true }

test('a keyset walk is judged when its totals have been asked for', () => {
  expect(judgeWalk([keyset(100, 100)])).toMatchObject({ ...COUNT, reason: expect.stringContaining('total') })
})

test('a keyset walk that saw the total is proven where every row has a key, its ranges taken together', () => {
  expect(judgeWalk([keyset(60, 100), keyset(40, null), count(100)])).toEqual({ kind: 'proven' })
})

test('a keyset walk that began with a total of nothing is proven at once', () => {
  expect(judgeWalk([keyset(0, 0)])).toEqual({ kind: 'proven' })
  expect(judgeWalk([keyset(3, 0)])).toEqual({ kind: 'proven' })
})

test('rows that came meanwhile prove it and disprove it no more than rows that went', () => {
  expect(judgeWalk([keyset(107, 100), count(110)])).toEqual({ kind: 'proven' })
  expect(judgeWalk([keyset(99, 100), count(99)])).toEqual({ kind: 'proven' })
  expect(judgeWalk([keyset(98, 100), count(99)])).toMatchObject(SWEEP)
})

test('as many new rows do not make up for rows without a key: a sweep must prove the walk', () => {
  expect(judgeWalk([keyset(100, 100), count(105, 100)])).toMatchObject(SWEEP)
  expect(judgeWalk([keyset(105, 100), count(105, 100)])).toMatchObject(SWEEP)
})

test('totals under which rows came or went are asked for again, ten times at most', () => {
  const moved = count(100, 100, 101)
  expect(judgeWalk([keyset(100, 100), moved])).toMatchObject(COUNT)
  expect(judgeWalk([keyset(101, 100), moved, count(101)])).toEqual({ kind: 'proven' })
  expect(judgeWalk([keyset(100, 100), ...Array.from({ length: 9 }, () => moved)])).toMatchObject(COUNT)
  expect(judgeWalk([keyset(100, 100), ...Array.from({ length: 10 }, () => moved)])).toMatchObject(SWEEP)
})

test('whatever comes and goes, no walk along a key is proven that left a row without one behind', () => {
  const n = fc.nat({ max: 50 })
  const case_ = fc.record({ keyed: n, keyless: fc.integer({ min: 1, max: 20 }), came: n, went: n })
  fc.assert(
    fc.property(case_, ({ keyed, keyless, came, went }) => {
      const left = keyed + came - Math.min(went, keyed)
      const walk = keyset(keyed + came, keyed + keyless)
      expect(judgeWalk([walk, count(left + keyless, left)]).kind).not.toBe('proven')
    }),
  )
})

test('a walk whose first page tells no total is held against the total of now', () => {
  expect(judgeWalk([keyset(100, null), count(100)])).toEqual({ kind: 'proven' })
  expect(judgeWalk([keyset(99, null), count(100)])).toMatchObject(SWEEP)
  expect(judgeWalk([keyset(99, null), count(null)])).toEqual({ kind: 'proven' })
})

test('a keyset walk under which rows moved proves nothing by its count', () => {
  expect(judgeWalk([{ ...keyset(100, 100), drifted: true }])).toMatchObject({ kind: 'more', walk: { kind: 'offset', sweep: 1 } })
})

test('a sweep proves when its distinct ids are the total before and after it', () => {
  expect(judgeWalk([keyset(99, 100), count(101, 100), sweep(1, 100, 100)])).toEqual({ kind: 'proven' })
  expect(judgeWalk([sweep(1, 50, 50)])).toEqual({ kind: 'proven' })
  expect(judgeWalk([sweep(1, 50, 49, 50)])).toMatchObject({
    kind: 'more',
    walk: { sweep: 2, order: 'name' },
    reason: expect.stringContaining('2 of 3'),
  })
})

test('after three sweeps that do not prove it, a walk is unproven and says what it saw', () => {
  const verdict = judgeWalk([sweep(1, 48, 50), sweep(2, 49, 50), sweep(3, 49, 50)])
  expect(verdict).toMatchObject({ kind: 'unproven' })
  expect(verdict).toHaveProperty('reason', expect.stringContaining('48, 49, 49'))
})

test('walks below parents end by themselves', () => {
  expect(judgeWalk([])).toEqual({ kind: 'proven' })
  expect(judgeWalk([{ ...none, walk: { kind: 'parents', parent: 'group', ids: ['1'] } }])).toEqual({ kind: 'proven' })
})

test('parents are walked again, three times at most, when rows moved below one of them', () => {
  const below = (id: string, drifted: boolean): RangeEvidence => ({
    ...none,
    walk: { kind: 'parents', parent: 'group', ids: [id] },
    drifted,
  })
  const [held, moved] = [below('1', false), below('2', true)]
  expect(judgeWalk([held, moved])).toMatchObject({ kind: 'more', walk: moved.walk, counted: false })
  expect(judgeWalk([held, moved, below('2', false)])).toEqual({ kind: 'proven' })
  expect(judgeWalk([held, moved, moved])).toMatchObject({ kind: 'more', walk: moved.walk, counted: false })
  expect(judgeWalk([held, moved, moved, moved])).toMatchObject({ kind: 'unproven' })
  expect(judgeWalk([moved, moved, moved, below('3', true)])).toMatchObject({ kind: 'more', walk: { ids: ['3'] } })
})

test('records that were asked for by id are no evidence for or against a walk', () => {
  const ids: RangeEvidence = { ...none, walk: { kind: 'ids', ids: ['1'] }, fresh: 1, drifted: true }
  expect(judgeWalk([keyset(99, 100), count(100), ids])).toMatchObject(SWEEP)
  expect(judgeWalk([keyset(100, 100), count(100), ids])).toEqual({ kind: 'proven' })
  expect(judgeWalk([sweep(1, 10, 10), ids])).toEqual({ kind: 'proven' })
})

describe('a walk by which rows are deleted', () => {
  const ofIds = (distinct: number): Proof => ({ of: 'everyId', distinct })

  test('is proven when as many ids were seen as there were and are, each with a key', () => {
    expect(judgeWalk([keyset(100, 100), count(100)], ofIds(100))).toEqual({ kind: 'proven' })
    expect(judgeWalk([keyset(100, 100)], ofIds(100))).toMatchObject(COUNT)
    expect(judgeWalk([keyset(0, 0)], ofIds(0))).toEqual({ kind: 'proven' })
  })

  test('is not proven by records that were received, as a row that came twice is one', () => {
    expect(judgeWalk([keyset(100, 100), count(100)], ofIds(99))).toMatchObject(SWEEP)
  })

  test('is not proven by any total that differs: before, after, or of the rows with a key', () => {
    expect(judgeWalk([keyset(100, 101), count(100)], ofIds(100))).toMatchObject(SWEEP)
    expect(judgeWalk([keyset(100, 100), count(101)], ofIds(100))).toMatchObject(SWEEP)
    expect(judgeWalk([keyset(100, 100), count(100, 99)], ofIds(100))).toMatchObject(SWEEP)
    // A total that is too low proves a full read, which asks for no less; here it would take rows that are there for gone.
    expect(judgeWalk([keyset(100, 7), count(7)])).toEqual({ kind: 'proven' })
    expect(judgeWalk([keyset(100, 7), count(7)], ofIds(100))).toMatchObject(SWEEP)
    expect(judgeWalk([keyset(100, 0)], ofIds(100))).toMatchObject(COUNT)
  })

  test('of an API without totals is never proven', () => {
    const sweeps = [1, 2, 3].map((n) => sweep(n, 100, null))
    expect(judgeWalk(sweeps)).toEqual({ kind: 'proven' })
    expect(judgeWalk(sweeps, ofIds(100))).toMatchObject({ kind: 'unproven' })
    expect(judgeWalk([keyset(100, null), count(null)], ofIds(100))).toMatchObject(SWEEP)
  })

  test('says nothing by rows that were asked after one by one', () => {
    const confirm: RangeEvidence = { ...none, walk: { kind: 'confirm', rows: [] }, fresh: 3 }
    expect(judgeWalk([keyset(100, 100), count(100), confirm], ofIds(100))).toEqual({ kind: 'proven' })
  })

  test('deletes nothing of an entity with dead letters, or read below parents that are not known to be all', () => {
    const membership = progressOf('group-membership', { paging: { kind: 'parents', parent: 'group' } })
    expect(doubtOf(progressOf('person'), byName([]))).toBeUndefined()
    expect(doubtOf(progressOf('person', { dead: 1 }), byName([]))).toContain('could not be read')
    expect(doubtOf(membership, byName([progressOf('group', { state: 'closed' })]))).toBeUndefined()
    expect(doubtOf(membership, byName([progressOf('group', { state: 'unproven' })]))).toContain('below each group')
    expect(doubtOf(membership, byName([]))).toContain('below each group')
    expect(doubtOf({ ...membership, carrier: 'group' }, byName([]))).toBeUndefined()
  })
})

test('what has changed is proven by chains that held together, without a total; three that did not are no proof', () => {
  const held = { ...keyset(5, null), walk: { kind: 'keyset', field: 'updated_at', from: 'a', to: null, split: true } as const }
  const moved = { ...held, drifted: true }
  const down: RangeEvidence = { ...none, walk: { kind: 'down', field: 'updated_at', until: 'a' } }
  const changes: Proof = { of: 'changes' }
  expect(judgeWalk([held], changes)).toEqual({ kind: 'proven' })
  expect(judgeWalk([down], changes)).toEqual({ kind: 'proven' })
  expect(judgeWalk([moved], changes)).toMatchObject({ kind: 'more', walk: held.walk })
  expect(judgeWalk([moved, held], changes)).toEqual({ kind: 'proven' })
  expect(judgeWalk([moved, moved, moved], changes)).toMatchObject({ kind: 'unproven' })
})
