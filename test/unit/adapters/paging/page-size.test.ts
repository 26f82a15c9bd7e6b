import { describe, expect, it } from 'vitest'
import type { Walk } from '../../../../adapters/core/adapter.ts'
import { keysetWalk } from '../../../../adapters/core/paging/keyset.ts'
import { offsetWalk } from '../../../../adapters/core/paging/offset.ts'
import type { Json } from '../../../../manifests/walk.ts'
import { answer, key, listing, type Row } from './collection.ts'

const walks: readonly (readonly [string, Walk])[] = [
  ['keyset', keysetWalk(listing(100), { kind: 'keyset', field: 'key', from: null, to: null, split: false })],
  ['offset', offsetWalk(listing(100), { kind: 'offset', order: 'key', sweep: 0 })],
]

/** Halves while a page has more large rows than fit, and skips a row that does not fit alone: what the fetcher does. */
const driveWithCap = (
  walk: Walk,
  rows: Row[],
  fits: (page: readonly Row[]) => boolean,
  between: (step: number) => void = () => {},
) => {
  const [received, skipped] = [new Set<string | null>(), new Set<number>()]
  let [cursor, requests]: [Json | null, number] = [walk.start, 0]
  while (cursor !== null) {
    between(requests)
    if (++requests > 5000) throw new Error('The walk does not end')
    const page = answer(rows, walk.request(cursor))
    if (fits(page.body as readonly Row[])) {
      // the collection's own body is its rows
      for (const id of page.ids) received.add(id)
      cursor = walk.advance(cursor, page).next
    } else {
      const half: Json | null = walk.halve(cursor)
      if (half === null) skipped.add(requests)
      cursor = half ?? walk.skip(cursor)
    }
  }
  return { received, skipped: skipped.size, requests }
}

const rowsOf = (count: number, tie: number): Row[] =>
  Array.from({ length: count }, (_, index) => ({ id: String(index + 1), key: key(Math.floor(index / tie)), name: '' }))

describe.each(walks)('a %s walk over records that are too large', (_, walk) => {
  it.each([1, 7, 500])('skips exactly the one that does not fit alone (ties of %i)', (tie) => {
    for (const large of ['1', '2', '50', '100', '101', '250', '399', '400']) {
      const driven = driveWithCap(walk, rowsOf(400, tie), (page) => !page.some((row) => row.id === large))
      expect([driven.received.size, driven.received.has(large), driven.skipped], large).toEqual([399, false, 1])
      expect(driven.requests, large).toBeLessThan(40)
    }
  })

  it('receives neighbours of several that do not fit, one after the other', () => {
    const large = new Set(['10', '11', '12', '13', '399', '400'])
    const driven = driveWithCap(walk, rowsOf(400, 3), (page) => !page.some((row) => row.id !== null && large.has(row.id)))
    expect(driven.received.size).toBe(394)
  })

  it('keeps a smaller page where all records are large, and tries a larger one only now and then', () => {
    const driven = driveWithCap(walk, rowsOf(2000, 1), (page) => page.length <= 40)
    expect(driven.received.size).toBe(2000)
    expect(driven.requests).toBeLessThan((2000 / 22) * 1.3)
  })

  it('receives the rows after a large one when a row before it is deleted meanwhile', () => {
    for (let at = 1; at < 30; at++) {
      const rows = rowsOf(120, 500)
      const driven = driveWithCap(
        walk,
        rows,
        (page) => !page.some((row) => row.id === '60'),
        (step) => {
          if (step === at) rows.splice(0, 5)
        },
      )
      const missed = rows.filter((row) => row.id !== '60' && !driven.received.has(row.id))
      expect(missed, `deleted before request ${at}`).toEqual([])
    }
  })
})
