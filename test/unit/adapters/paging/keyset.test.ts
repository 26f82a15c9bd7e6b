import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ApiError } from '../../../../adapters/core/errors.ts'
import { type KeysetSpec, keysetWalk } from '../../../../adapters/core/paging/keyset.ts'
import { splitRange } from '../../../../adapters/core/paging/split-range.ts'
import { answer, drive, key, listing, type Quirks, type Row, randomOf } from './collection.ts'
import { drifting } from './drift.ts'

const whole: KeysetSpec = { kind: 'keyset', field: 'key', from: null, to: null, split: true }
const SEEDS = 1000

const rowsOf = (keys: readonly (string | null)[]): Row[] => keys.map((key, index) => ({ id: String(index + 1), key, name: '' }))
const walkRows = (rows: readonly Row[], perPage: number, quirks: Quirks = {}) =>
  drive(keysetWalk(listing(perPage), whole), (request) => answer(rows, request, quirks))
const missing = (expected: Iterable<string>, ids: readonly (string | null)[]) => {
  const received = new Set(ids)
  return [...expected].filter((id) => !received.has(id))
}

describe('a keyset walk over rows that change under it', () => {
  it('receives every row that was there throughout', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 100 }), fc.integer({ min: 0, max: 3 }), (seed, perPage, most) => {
        const edits = Math.min(most, perPage >> 2)
        const random = randomOf(seed)
        const size = Math.floor(random() * Math.min(500, perPage * 30))
        const rows = drifting({
          random,
          rows: size,
          deletesPerPage: edits,
          insertsPerPage: edits,
          nullShare: 0.05,
          renames: true,
        })
        const driven = drive(keysetWalk(listing(perPage), whole), (request) => answer(rows.rows, request), rows.edit)
        // Pages of one to three rows may lose the seam too often; then the walk says so.
        if (perPage > 3 || !driven.drifted) expect(missing(rows.throughout, driven.ids)).toEqual([])
      }),
      { numRuns: SEEDS },
    )
  })

  it('receives every row when the range is split after its first page', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 4, max: 100 }), fc.integer({ min: 1, max: 12 }), (seed, perPage, parts) => {
        const random = randomOf(seed)
        const rows = drifting({ random, rows: perPage * 8, deletesPerPage: 1, insertsPerPage: 1, nullShare: 0, renames: true })
        const first = keysetWalk(listing(perPage), whole)
        const page = answer(rows.rows, first.request(first.start))
        const { next } = first.advance(first.start, page)
        const specs = splitRange(whole, page, new Date(Date.parse(key(100_000))), parts)
        const ids = [...page.ids]
        for (const [index, spec] of specs.entries()) {
          const walk = keysetWalk(listing(perPage), spec)
          const start = index === 0 && next !== null ? next : walk.start
          ids.push(...drive({ ...walk, start }, (request) => answer(rows.rows, request), rows.edit).ids)
        }
        expect(missing(rows.throughout, ids)).toEqual([])
      }),
      { numRuns: 200 },
    )
  })

  it('receives ties of 500 equal values while rows of the tie are deleted', () => {
    for (const perPage of [1, 2, 3, 7, 100]) {
      const rows = rowsOf(Array.from({ length: 1200 }, (_, index) => key(Math.floor(index / 500))))
      const kept = new Set(rows.map((row) => String(row.id)))
      const driven = drive(
        keysetWalk(listing(perPage), whole),
        (request) => answer(rows, request),
        (step) => {
          const [gone] = step < 300 && step % 3 === 0 ? rows.splice((step * 7) % 300, 1) : []
          if (gone) kept.delete(String(gone.id))
        },
      )
      if (perPage > 1 || !driven.drifted) expect(missing(kept, driven.ids), `per page ${perPage}`).toEqual([])
    }
  })
})

describe('a keyset walk over rows of which some do not show where they stand', () => {
  const walked = (seed: number, perPage: number, unreadableShare: number, edits: number) => {
    const random = randomOf(seed)
    const size = Math.floor(random() * Math.min(500, perPage * 30))
    const edit = { deletesPerPage: edits, insertsPerPage: edits, renames: true }
    const rows = drifting({ random, rows: size, nullShare: 0.05, unreadableShare, ...edit })
    return { rows, driven: drive(keysetWalk(listing(perPage), whole), (request) => answer(rows.rows, request), rows.edit) }
  }

  it('receives every one that was there throughout, those too', () => {
    const chance = fc.record({
      seed: fc.integer(),
      perPage: fc.integer({ min: 4, max: 100 }),
      share: fc.constantFrom(0.01, 0.1, 0.5, 1),
    })
    fc.assert(
      fc.property(chance, ({ seed, perPage, share }) => {
        const { rows, driven } = walked(seed, perPage, share, perPage >> 2)
        if (!driven.drifted) expect(missing(rows.throughout, driven.ids)).toEqual([])
      }),
      { numRuns: SEEDS },
    )
  })

  it('needs not many more requests for them, and gives up nowhere when nothing moves', () => {
    for (let seed = 0; seed < 100; seed++) {
      const [clean, odd] = [walked(seed, 50, 0, 0), walked(seed, 50, 0.05, 0)]
      expect(odd.driven.drifted).toBe(false)
      expect(odd.driven.requests.length, `seed ${seed}`).toBeLessThanOrEqual(clean.driven.requests.length * 1.2 + 2)
    }
  })

  it('counts them once as fresh when nothing moves and they are few', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 20, max: 100 }), fc.constantFrom(0.005, 0.02), (seed, perPage, share) => {
        const { rows, driven } = walked(seed, perPage, share, 0)
        expect(driven.fresh).toBe(rows.rows.length)
      }),
      { numRuns: SEEDS },
    )
  })

  it('ends behind a last one', () => {
    const rows = [...rowsOf([key(1), key(2)]), { id: '3', key: key(3), name: '', isUnreadable: true }]
    expect(new Set(walkRows(rows, 100).ids)).toEqual(new Set(['1', '2', '3']))
  })
})

describe('a keyset walk whose seam is deleted', () => {
  it.each([
    ['is behind by less than a page', 5],
    ['is behind by more than a page', 150],
  ])('goes back for the rest of a tie that %s', (_, gone) => {
    const rows = rowsOf(Array.from({ length: 600 }, () => key(1)))
    const driven = drive(
      keysetWalk(listing(100), whole),
      (request) => answer(rows, request),
      (step) => {
        if (step === 3) rows.splice(0, gone)
      },
    )
    expect([
      missing(
        rows.map((row) => String(row.id)),
        driven.ids,
      ),
      driven.drifted,
    ]).toEqual([[], false])
  })
})

describe('a keyset walk at rest', () => {
  it('counts every row once as fresh, whatever the page size', () => {
    fc.assert(
      fc.property(fc.integer(), fc.integer({ min: 1, max: 100 }), (seed, perPage) => {
        const random = randomOf(seed)
        const size = Math.floor(random() * 800)
        const { rows } = drifting({ random, rows: size, deletesPerPage: 0, insertsPerPage: 0, nullShare: 0.1, renames: false })
        expect(walkRows(rows, perPage).fresh).toBe(rows.length)
      }),
      { numRuns: 100 },
    )
  })

  it('needs one request more than the rows fill when no values are equal', () => {
    const rows = rowsOf(Array.from({ length: 991 }, (_, index) => key(index)))
    // 100 rows, then 99 new ones a page: 10 pages, and one that brings nothing new.
    expect(walkRows(rows, 100).requests).toHaveLength(11)
  })

  it('asks for the values at or after the last one, ordered', () => {
    const { requests } = walkRows(rowsOf([key(1), key(2), key(3)]), 2)
    expect(requests.map((request) => request.query)).toEqual([
      { order: 'key', offset: '0', per_page: '2' },
      { 'where[key][gte]': key(2), order: 'key', offset: '0', per_page: '2' },
      { 'where[key][gte]': key(3), order: 'key', offset: '0', per_page: '2' },
    ])
  })

  it('does not end at a missing next, nor go on for a total that is wrong', () => {
    const rows = rowsOf(Array.from({ length: 250 }, (_, index) => key(index)))
    const quirks: Quirks[] = [
      { hasNext: () => false },
      { hasNext: () => true },
      { total: () => 7 },
      { total: () => 9999 },
      { total: () => null },
    ]
    for (const quirk of quirks) expect(new Set(walkRows(rows, 100, quirk).ids).size).toBe(250)
  })

  it('receives all rows of an API that gives fewer a page than asked for', () => {
    const rows = rowsOf(Array.from({ length: 130 }, (_, index) => key(Math.floor(index / 3))))
    expect(new Set(walkRows(rows, 100, { clampPerPage: 25 }).ids).size).toBe(130)
  })

  it('receives small ties that come in another order each time', () => {
    const rows = rowsOf(Array.from({ length: 600 }, (_, index) => key(Math.floor(index / 20))))
    expect(new Set(walkRows(rows, 50, { shuffleTies: randomOf(5) }).ids).size).toBe(600)
  })

  it('ends on ties longer than a page that come in another order each time, and says that it gave up', () => {
    const rows = rowsOf(Array.from({ length: 400 }, () => key(1)))
    expect(walkRows(rows, 10, { shuffleTies: randomOf(5) }).drifted).toBe(true)
  })

  it('receives rows without a value where the API orders them first; ordered last the total tells that they are missing', () => {
    const rows = rowsOf([null, null, null, null, key(1), key(2), key(3)])
    expect(new Set(walkRows(rows, 2).ids).size).toBe(7)
    const last = walkRows(rows, 2, { nulls: 'last' })
    expect([new Set(last.ids).size, last.totals[0]]).toEqual([3, 7])
  })

  it('gives the total of unfiltered pages only', () => {
    expect(walkRows(rowsOf([key(1), key(2), key(3)]), 2).totals).toEqual([3])
    const range = keysetWalk(listing(2), { ...whole, from: key(0), to: key(9) })
    expect(drive(range, (request) => answer(rowsOf([key(1)]), request)).totals).toEqual([])
  })

  it('ends with records that have no id', () => {
    const rows: Row[] = [...rowsOf([key(1), key(1)]), { id: null, key: key(1), name: '' }, { id: null, key: key(2), name: '' }]
    expect(walkRows(rows, 100).ids).toContain(null)
  })
})

describe('an API that ignores what a keyset walk asks for', () => {
  const rows = rowsOf(Array.from({ length: 300 }, (_, index) => key(index)))
  const refused = (quirks: Quirks, spec: KeysetSpec = whole) => {
    try {
      drive(keysetWalk(listing(100), spec), (request) => answer(rows, request, quirks))
    } catch (error) {
      return error instanceof ApiError ? [error.code, error.message] : error
    }
    return null
  }

  it('is found out by rows outside the filter', () => {
    expect(refused({ ignoresFilter: true })).toEqual(['bad-response', '/rows ignored the filter by key'])
    expect(refused({ ignoresFilter: true }, { ...whole, to: key(50) })).toEqual([
      'bad-response',
      '/rows ignored the filter by key',
    ])
  })

  it('is found out on the first page by rows at or after the end of the range', () => {
    const range = keysetWalk(listing(100), { ...whole, to: key(50) })
    const request = range.request(range.start)
    const page = answer(rows, request, { ignoresFilter: true })
    expect(() => range.advance(range.start, page)).toThrow('/rows ignored the filter by key')
    expect(range.advance(range.start, answer(rows, request)).fresh).toBe(50)
  })

  it('is found out by rows out of order', () => {
    const shuffled = [...rows].reverse()
    const walk = () => drive(keysetWalk(listing(100), whole), (request) => answer(shuffled, request, { ignoresOrder: true }))
    expect(walk).toThrow('/rows ignored the order by key')
  })

  it('is found out by the names it says it can order and query by', () => {
    expect(refused({ canOrderBy: ['name'] })).toEqual(['bad-response', '/rows cannot be ordered by key'])
    expect(refused({ canQueryBy: ['name'] })).toEqual(['bad-response', '/rows cannot be filtered by key'])
    expect(refused({ canOrderBy: null, canQueryBy: null })).toBeNull()
  })

  it('is found out by pages that bring nothing new', () => {
    const tied = rowsOf(Array.from({ length: 300 }, () => key(1)))
    const walk = () => drive(keysetWalk(listing(100), whole), (request) => answer(tied, request, { ignoresOffset: true }))
    expect(walk).toThrow('does not advance')
  })
})
