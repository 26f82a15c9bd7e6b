import { describe, expect, it } from 'vitest'
import type { Walk } from '../../../../adapters/core/adapter.ts'
import { idsWalk, pageOfOne } from '../../../../adapters/core/paging/ids.ts'
import { pco } from '../../../../adapters/pco/pco.ts'
import { askingAfter, canAskAfter, hasPathById, pathById } from '../../../../manifests/by-id.ts'
import { pcoManifest } from '../../../../manifests/pco/index.ts'
import type { Json, MissingRow } from '../../../../manifests/walk.ts'
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
    const person = pco.walk({ entity: 'person', walk: { kind: 'ids', ids: ['1'] }, carries: ['email'] })
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
    const asked = pco.walk(membership)
    expect(() => asked.request(asked.start)).toThrow(SynclineError)
  })
})

describe('a row that may be gone', () => {
  const walkOf = (entity: string, row: MissingRow) => pco.walk({ entity, walk: { kind: 'confirm', rows: [row] }, carries: [] })

  it('is asked after by its id, one below another by both', () => {
    const person = walkOf('person', { externalId: '7', parents: {} })
    expect(person.request(person.start)).toEqual({ method: 'GET', path: '/people/v2/people/7', query: {} })
    expect(person.asksAfter?.(person.start)).toEqual({ externalId: '7', shows: 'one' })
    const membership = walkOf('group-membership', { externalId: '7', parents: { group: '3', person: '1' } })
    expect(membership.request(membership.start).path).toBe('/groups/v2/groups/3/memberships/7')
    expect(membership.skipGone?.(membership.start)).toBeNull()
  })

  it('is looked for in a list where its id is not the one that the API knows', () => {
    const pair = walkOf('household-membership', { externalId: '3:1', parents: { household: '3', person: '1' } })
    expect(pair.request(pair.start)).toMatchObject({
      path: '/people/v2/households/3/household_memberships',
      query: { per_page: '100' },
    })
    expect(pair.asksAfter?.(pair.start)).toEqual({ externalId: '3:1', shows: 'list' })
  })

  it('cannot be asked after when its parent is not known', () => {
    expect(askingAfter(pcoManifest.get('group-membership'), { externalId: '7', parents: {} })).toBeUndefined()
    expect(askingAfter(pcoManifest.get('household-membership'), { externalId: '3:1', parents: {} })).toBeUndefined()
    expect(pcoManifest.definitions.filter((definition) => !canAskAfter(definition))).toEqual([])
  })
})
