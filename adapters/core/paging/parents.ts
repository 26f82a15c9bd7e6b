// Walks the lists below many parents, one after the other: a chain of offsets each. A short page without a next one ends a
// parent, because most of these lists fit into one page and a second request for each would double the cost.
import { z } from 'zod'
import type { Json } from '../../../manifests/walk.ts'
import { SynclineError } from '../../../platform/errors.ts'
import type { Walk } from '../adapter.ts'
import type { Listing } from './listing.ts'
import { chainWalk } from './offset.ts'

const cursorSchema = z.strictObject({ parent: z.int().min(0), inner: z.json() })

/** `listingOf` gives the list below one parent. Throws SynclineError('internal') when there are no ids. */
export const parentsWalk = (ids: readonly string[], listingOf: (id: string) => Listing): Walk => {
  const at = (cursor: Json) => {
    const { parent, inner } = cursorSchema.parse(cursor)
    return { parent, inner, walk: walkBelow(parent) }
  }
  const walkBelow = (parent: number): Walk => {
    const id = ids[parent]
    if (id === undefined) throw new SynclineError('internal', `A walk below ${ids.length} parents has no parent ${parent}`)
    return chainWalk(listingOf(id), null, true)
  }
  const startOf = (parent: number): Json | null => (parent < ids.length ? { parent, inner: walkBelow(parent).start } : null)
  return {
    start: { parent: 0, inner: walkBelow(0).start },
    request: (cursor) => {
      const { inner, walk } = at(cursor)
      return walk.request(inner)
    },
    advance: (cursor, page) => {
      const { parent, inner, walk } = at(cursor)
      const step = walk.advance(inner, page)
      return { ...step, next: step.next === null ? startOf(parent + 1) : { parent, inner: step.next } }
    },
    halve: (cursor) => {
      const { parent, inner, walk } = at(cursor)
      const half = walk.halve(inner)
      return half === null ? null : { parent, inner: half }
    },
    skip: (cursor) => {
      const { parent, inner, walk } = at(cursor)
      return { parent, inner: walk.skip(inner) }
    },
    skipGone: (cursor) => startOf(at(cursor).parent + 1),
  }
}
