import { describe, expect, it } from 'vitest'
import type { Walk } from '../../../../adapters/core/adapter.ts'
import { idsWalk, pageOfOne } from '../../../../adapters/core/paging/ids.ts'
import { pcoAdapter } from '../../../../adapters/pco/pco.ts'
import { hasPathById, pathById } from '../../../../manifests/by-id.ts'
import { pcoManifest } from '../../../../manifests/pco/index.ts'
import type { Json } from '../../../../manifests/walk.ts'
import { SynclineError } from '../../../../platform/errors.ts'

const walk = idsWalk(['7', 'a/b', '9'], (id) => ({ method: 'GET', path: `/rows/${encodeURIComponent(id)}`, query: {} }))
const found = pageOfOne({ data: { id: '7' } })

/** Paths asked for, one after the other, when every answer is settled by `next`. */
const paths = (of: Walk, next: (cursor: Json) => Json | null): string[] => {
  const asked: string[] = []
  for (let cursor: Json | null = of.start; cursor !== null; cursor = next(cursor)) asked.push(of.request(cursor).path)
  return asked
}

describe('a walk of ids', () => {
  const all = ['/rows/7', '/rows/a%2Fb', '/rows/9']

  it('asks for each record once and ends after the last', () => {
    expect(paths(walk, (cursor) => walk.advance(cursor, found).next)).toEqual(all)
    expect(walk.advance(walk.start, found)).toMatchObject({ fresh: 1, total: null, drifted: false })
  })

  it('goes on when a record is not there, or is too large to be received', () => {
    expect(paths(walk, (cursor) => walk.skipGone?.(cursor) ?? null)).toEqual(all)
    expect(paths(walk, (cursor) => walk.skip(cursor))).toEqual(all)
    expect(walk.halve(walk.start)).toBeNull()
  })

  it('refuses a cursor beyond its ids', () => {
    expect(() => walk.request({ at: 3 })).toThrow(SynclineError)
  })
})

describe('one record of Planning Center', () => {
  it('is asked for by its id, with what its list carries', () => {
    const person = pcoAdapter.walk({ entity: 'person', walk: { kind: 'ids', ids: ['1'] }, carries: ['email'] })
    expect(person.request(person.start)).toEqual({ method: 'GET', path: '/people/v2/people/1', query: { include: 'emails' } })
  })

  it('cannot be asked for where its path needs another id too', () => {
    const offered = pcoManifest.definitions.filter(hasPathById).map(({ entity }) => entity)
    expect(pcoManifest.definitions.map(({ entity }) => entity).filter((entity) => !offered.includes(entity))).toEqual([
      'household-membership',
      'group-membership',
    ])
    expect(pathById(pcoManifest.get('group'), 'a b')).toBe('/groups/v2/groups/a%20b')
    const membership = { entity: 'group-membership', walk: { kind: 'ids' as const, ids: ['1'] }, carries: [] }
    const asked = pcoAdapter.walk(membership)
    expect(() => asked.request(asked.start)).toThrow(SynclineError)
  })
})
