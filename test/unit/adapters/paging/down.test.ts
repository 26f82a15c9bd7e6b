import { describe, expect, it } from 'vitest'
import { downWalk } from '../../../../adapters/core/paging/down.ts'
import { answer, drive, key, listing, type Quirks, type Row } from './collection.ts'

const rowsOf = (count: number): Row[] => Array.from({ length: count }, (_, n) => ({ id: `${n + 1}`, key: key(n), name: '' }))
const walkTo = (second: number) => downWalk(listing(100), { kind: 'down', field: 'key', until: key(second) })

describe('a walk down', () => {
  it('brings what has changed since the moment, and little more', () => {
    const rows = rowsOf(1_000)
    const driven = drive(walkTo(750), (request) => answer(rows, request))
    const brought = new Set(driven.ids)
    for (let n = 750; n < 1_000; n++) expect(brought).toContain(`${n + 1}`)
    expect(driven.requests).toHaveLength(3)
    expect([driven.drifted, driven.totals]).toEqual([false, []])
  })

  it('has one page of a list in which nothing has changed', () => {
    const rows = rowsOf(1_000)
    expect(drive(walkTo(5_000), (request) => answer(rows, request)).requests).toHaveLength(1)
  })

  it('ends with the list where all of it has changed', () => {
    const rows = rowsOf(250)
    expect(new Set(drive(walkTo(-5), (request) => answer(rows, request)).ids).size).toBe(250)
    expect(drive(walkTo(0), (request) => answer([], request)).ids).toEqual([])
  })

  it('misses none that was there throughout, whatever changes, comes and goes meanwhile', () => {
    const rows = rowsOf(1_000)
    const touched = new Set<string | null>()
    const driven = drive(
      walkTo(500),
      (request) => answer(rows, request),
      (step) => {
        // One moves to the front, one comes, several before the walk's place go.
        for (const at of [10, 100, 130, 170, 200])
          touched.add(rows.splice(Math.max(0, rows.length - at - step), 1)[0]?.id ?? null)
        rows.push({ id: `${5_000 + step}`, key: key(2_000 + step), name: '' })
        const [moved] = rows.splice(300 + step, 1)
        touched.add(moved?.id ?? null)
        if (moved !== undefined) rows.push({ ...moved, key: key(3_000 + step) })
      },
    )
    const missed = rowsOf(1_000).filter(({ id }, n) => n >= 500 && !touched.has(id) && !driven.ids.includes(id))
    expect(missed).toEqual([])
  })

  it('finds out that the API ignores its order', () => {
    const rows = rowsOf(50)
    const serve = (quirks: Quirks) => () => drive(walkTo(25), (request) => answer(rows, request, quirks))
    expect(serve({ ignoresOrder: true })).toThrow('ignored the order by key')
    expect(serve({ canOrderBy: ['name'] })).toThrow('cannot be ordered by key')
  })
})
