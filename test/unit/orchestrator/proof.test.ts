import { expect, test } from 'vitest'
import type { RangeEvidence } from '../../../ledger/entities.ts'
import { judgeWalk } from '../../../orchestrator/proof.ts'

const none = { fresh: 0, firstTotal: null, lastTotal: null, distinct: 0, drifted: false }
const keyset = (fresh: number, total: number | null): RangeEvidence => ({
  ...none,
  walk: { kind: 'keyset', field: 'created_at', from: null, to: null, split: false },
  fresh,
  firstTotal: total,
  lastTotal: total,
})
const count = (total: number): RangeEvidence => ({
  ...none,
  walk: { kind: 'count' },
  fresh: 1,
  firstTotal: total,
  lastTotal: total,
})
const sweep = (number: number, distinct: number, before: number | null, after = before): RangeEvidence => ({
  ...none,
  walk: { kind: 'offset', order: 'name', sweep: number },
  distinct,
  firstTotal: before,
  lastTotal: after,
})

test('a keyset walk that saw at least the total is proven, its ranges taken together', () => {
  expect(judgeWalk([keyset(60, 100), keyset(40, null)])).toEqual({ kind: 'proven' })
  expect(judgeWalk([keyset(0, 0)])).toEqual({ kind: 'proven' })
})

test('a keyset walk that saw less asks once for the total now, before it sweeps', () => {
  expect(judgeWalk([keyset(99, 100)])).toMatchObject({ kind: 'more', walk: { kind: 'count' } })
  expect(judgeWalk([keyset(99, 100), count(99)])).toEqual({ kind: 'proven' })
  expect(judgeWalk([keyset(99, 100), count(100)])).toMatchObject({
    kind: 'more',
    walk: { kind: 'offset', sweep: 1 },
    counted: true,
  })
})

test('a keyset walk under which rows moved proves nothing by its count', () => {
  expect(judgeWalk([{ ...keyset(100, 100), drifted: true }])).toMatchObject({ kind: 'more', walk: { kind: 'offset', sweep: 1 } })
})

test('a sweep proves when its distinct ids are the total before and after it', () => {
  expect(judgeWalk([keyset(99, 100), count(100), sweep(1, 100, 100)])).toEqual({ kind: 'proven' })
  expect(judgeWalk([sweep(1, 50, 50)])).toEqual({ kind: 'proven' })
  expect(judgeWalk([sweep(1, 50, 49, 50)])).toMatchObject({ kind: 'more', walk: { sweep: 2, order: 'name' } })
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

test('records that were asked for by id are no evidence for or against a walk', () => {
  const ids: RangeEvidence = { ...none, walk: { kind: 'ids', ids: ['1'] }, fresh: 1, drifted: true }
  expect(judgeWalk([keyset(99, 100), ids])).toMatchObject({ kind: 'more', walk: { kind: 'count' } })
  expect(judgeWalk([keyset(100, 100), ids])).toEqual({ kind: 'proven' })
  expect(judgeWalk([sweep(1, 10, 10), ids])).toEqual({ kind: 'proven' })
})
