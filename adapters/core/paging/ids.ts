// Asks for records one by one, by their ids: those that are known to be missing because others point to them.
import { z } from 'zod'
import type { Json } from '../../../manifests/walk.ts'
import { SynclineError } from '../../../platform/errors.ts'
import type { ApiRequest, ListPage, Walk } from '../adapter.ts'

const cursorSchema = z.strictObject({ at: z.int().min(0) })

/** `requestOf` asks for one record. Every request makes one page, so that page n of the range is the nth id. */
export const idsWalk = (ids: readonly string[], requestOf: (id: string) => ApiRequest): Walk => {
  const positionOf = (cursor: Json): number => cursorSchema.parse(cursor).at
  const after = (cursor: Json): Json | null => {
    const at = positionOf(cursor) + 1
    return at < ids.length ? { at } : null
  }
  return {
    start: { at: 0 },
    request: (cursor) => {
      const id = ids[positionOf(cursor)]
      if (id === undefined) throw new SynclineError('internal', `A walk of ${ids.length} ids has no id ${positionOf(cursor)}`)
      return requestOf(id)
    },
    advance: (cursor, page) => ({ next: after(cursor), fresh: page.ids.length, total: null, drifted: false }),
    halve: () => null,
    skip: after,
    skipGone: after,
  }
}

/** The answer for one record as a page. It tells nothing of a collection, and who it is `split` reads. */
export const pageOfOne = (body: unknown): ListPage => ({
  ids: [null],
  key: () => null,
  total: null,
  hasNext: false,
  canOrderBy: null,
  canQueryBy: null,
  body,
})
