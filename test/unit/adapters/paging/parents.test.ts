import { describe, expect, it } from 'vitest'
import type { ApiRequest } from '../../../../adapters/core/adapter.ts'
import { countWalk } from '../../../../adapters/core/paging/count.ts'
import { parentsWalk } from '../../../../adapters/core/paging/parents.ts'
import { SynclineError } from '../../../../platform/errors.ts'
import { answer, drive, key, listing, type Quirks, type Row } from './collection.ts'

const children = (parent: string, count: number): Row[] =>
  Array.from({ length: count }, (_, index) => ({ id: `${Number(parent) * 1000 + index}`, key: key(index), name: '' }))
const parentOf = (request: ApiRequest) => request.path.split('/')[2] ?? ''
const sizes: Readonly<Record<string, number>> = { '1': 3, '2': 0, '3': 250, '4': 100 }
const walk = parentsWalk(Object.keys(sizes), (id) => listing(100, `/parents/${id}/rows`))
const serve = (quirks: Quirks) => (request: ApiRequest) => {
  const parent = parentOf(request)
  return answer(children(parent, sizes[parent] ?? 0), request, quirks)
}

describe('a walk below parents', () => {
  it('receives every row of every parent, with one request for a short list', () => {
    const driven = drive(walk, serve({}))
    expect(new Set(driven.ids).size).toBe(353)
    expect(driven.fresh).toBe(353)
    expect(driven.requests.filter((request) => ['1', '2'].includes(parentOf(request)))).toHaveLength(2)
    expect(driven.totals).toEqual([])
  })

  it('goes on after a full page without a next one', () => {
    expect(new Set(drive(walk, serve({ hasNext: () => false })).ids).size).toBe(353)
  })

  it('takes a parent that is gone as zero records', () => {
    const second = walk.advance(walk.start, answer(children('1', 3), walk.request(walk.start))).next
    expect(second).not.toBeNull()
    const third = walk.skipGone?.(second) ?? null
    expect(third === null ? null : walk.request(third).path).toBe('/parents/3/rows')
  })

  it('says that rows moved where a list has another length than it tells', () => {
    expect(drive(walk, serve({})).drifted).toBe(false)
    expect(drive(walk, serve({ total: (count) => count + 1 })).drifted).toBe(true)
    expect(drive(walk, serve({ total: () => null })).drifted).toBe(false)
  })

  it('ends after the last parent is gone', () => {
    const one = parentsWalk(['9'], (id) => listing(100, `/parents/${id}/rows`))
    expect(one.skipGone?.(one.start)).toBeNull()
  })

  it('cannot be made without ids', () => {
    expect(() => parentsWalk([], () => listing(100))).toThrow(SynclineError)
  })
})

describe('a count', () => {
  it('is one request for one row, for the total', () => {
    const count = countWalk(listing(100))
    const driven = drive(count, (request) => answer(children('1', 42), request))
    expect([driven.requests.length, driven.requests[0]?.query['per_page'], driven.totals]).toEqual([1, '1', [42]])
  })

  it('along a field asks for the rows that have a value, between two totals', () => {
    const count = countWalk(listing(100), 'created_at')
    const page = (total: number, key: string | null = '2026-01-01T00:00:00Z') => ({
      ids: ['1'],
      key: () => key,
      total,
      hasNext: true,
      canOrderBy: null,
      canQueryBy: ['created_at'],
      body: {},
    })
    expect(count.advance('count', page(42))).toMatchObject({ next: 'keyed', fresh: 0, total: 42 })
    expect(count.request('count').query).not.toHaveProperty('where[created_at][gte]')
    expect(Object.keys(count.request('keyed').query).length).toBeGreaterThan(Object.keys(count.request('count').query).length)
    expect(count.advance('keyed', page(40))).toMatchObject({ next: 'again', fresh: 40, total: null })
    expect(count.advance('again', page(43))).toMatchObject({ next: null, fresh: 0, total: 43 })
    expect(() => count.advance('keyed', page(42, null))).toThrow('ignored the filter')
    expect(() => count.advance('keyed', { ...page(42), canQueryBy: ['name'] })).toThrow('cannot be filtered')
  })
})
