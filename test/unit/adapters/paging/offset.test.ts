import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { offsetWalk } from '../../../../adapters/core/paging/offset.ts'
import type { WalkSpec } from '../../../../manifests/walk.ts'
import { answer, drive, key, listing, type Quirks, type Row, randomOf } from './collection.ts'
import { drifting } from './drift.ts'

type OffsetSpec = WalkSpec & { kind: 'offset' }
const byKey: OffsetSpec = { kind: 'offset', order: 'key', sweep: 0 }
const byName: OffsetSpec = { kind: 'offset', order: 'name', sweep: 0 }
const rowsOf = (count: number): Row[] =>
  Array.from({ length: count }, (_, index) => ({ id: String(index + 1), key: key(index), name: String(index).padStart(6, '0') }))
const walkRows = (rows: readonly Row[], perPage: number, quirks: Quirks = {}) =>
  drive(offsetWalk(listing(perPage), byKey), (request) => answer(rows, request, quirks))

describe('an offset walk over rows that change under it', () => {
  it('receives every row that was there throughout when rows keep their order', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 100 }), fc.integer({ min: 0, max: 3 }), (seed, perPage, most) => {
        const edits = Math.min(most, perPage >> 2)
        const random = randomOf(seed)
        const size = Math.floor(random() * Math.min(400, perPage * 12))
        const rows = drifting({
          random,
          rows: size,
          deletesPerPage: edits,
          insertsPerPage: edits,
          nullShare: 0.05,
          renames: false,
        })
        const driven = drive(offsetWalk(listing(perPage), byKey), (request) => answer(rows.rows, request), rows.edit)
        const received = new Set(driven.ids)
        const isWhole = [...rows.throughout].every((id) => received.has(id))
        expect(isWhole || driven.drifted).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('receives every row, or says that rows moved, or has fewer ids than the total, when rows change places', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 100 }), (seed, perPage) => {
        const random = randomOf(seed)
        const size = Math.floor(random() * Math.min(400, perPage * 12))
        const rows = drifting({ random, rows: size, deletesPerPage: 0, insertsPerPage: 0, nullShare: 0, renames: true })
        const driven = drive(offsetWalk(listing(perPage), byName), (request) => answer(rows.rows, request), rows.edit)
        const received = new Set(driven.ids)
        const isWhole = [...rows.throughout].every((id) => received.has(id))
        expect(isWhole || driven.drifted || driven.totals.some((total) => total !== received.size)).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  it('goes back for the row that a deletion shifted over the page border', () => {
    const rows = rowsOf(300)
    const driven = drive(
      offsetWalk(listing(100), byKey),
      (request) => answer(rows, request),
      (step) => {
        if (step === 1) rows.splice(0, 50)
      },
    )
    expect(driven.drifted).toBe(true)
    expect(new Set(driven.ids).size).toBe(300)
  })
})

describe('an offset walk at rest', () => {
  it('overlaps its pages by the seam, and says that nothing moved', () => {
    const driven = walkRows(rowsOf(250), 100)
    expect(driven.requests.map((request) => request.query['offset'])).toEqual(['0', '97', '194', '247'])
    expect([driven.fresh, driven.drifted, new Set(driven.ids).size]).toEqual([250, false, 250])
    expect(driven.totals).toEqual([250, 250, 250, 250])
  })

  it('does not end at a missing next, nor go on for a total that is wrong', () => {
    for (const quirks of [{ hasNext: () => false }, { hasNext: () => true }, { total: () => 3 }, { total: () => 9999 }]) {
      expect(new Set(walkRows(rowsOf(250), 100, quirks).ids).size).toBe(250)
    }
  })

  it('ends at once on an empty list', () => {
    expect(walkRows([], 100).requests).toHaveLength(1)
  })

  it('asks without an order where the list has none', () => {
    const walk = offsetWalk(listing(100), { ...byKey, order: null })
    expect(walk.request(walk.start).query).toEqual({ offset: '0', per_page: '100' })
  })

  it('refuses a list that cannot be ordered so, and one that ignores the offset', () => {
    const descending = offsetWalk(listing(100), { ...byKey, order: '-key' })
    expect(() =>
      descending.advance(descending.start, answer([], descending.request(descending.start), { canOrderBy: [] })),
    ).toThrow('/rows cannot be ordered by key')
    expect(() => walkRows(rowsOf(300), 100, { ignoresOffset: true })).toThrow('does not advance')
  })

  it('counts every row once as fresh, whatever the page size', () => {
    for (const perPage of [1, 2, 3, 4, 5, 99, 100]) expect(walkRows(rowsOf(137), perPage).fresh).toBe(137)
  })
})
