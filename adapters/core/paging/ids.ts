// Asks for records one by one: by their ids, those that are known to be missing because others point to them; or after rows that a
// walk did not show, which may be gone.
import { z } from 'zod'
import type { Asking } from '../../../manifests/by-id.ts'
import type { Json, MissingRow } from '../../../manifests/walk.ts'
import { SynclineError } from '../../../platform/errors.ts'
import type { ApiRequest, ListPage, Walk } from '../adapter.ts'

const cursorSchema = z.strictObject({ at: z.int().min(0) })

/** `requestOf` asks for one record. Every request makes one page, so that page n of the range is the nth id. */
export const idsWalk = (ids: readonly string[], requestOf: (id: string) => ApiRequest): Walk => oneByOne(ids, requestOf)

/** `askingOf` says how a row is asked after; `requestOf` makes the request of it. Page n of the range is the nth row. */
export const confirmWalk = (
  rows: readonly MissingRow[],
  askingOf: (row: MissingRow) => Asking,
  requestOf: (asking: Asking) => ApiRequest,
): Walk => ({
  ...oneByOne(rows, (row) => requestOf(askingOf(row))),
  asksAfter: (cursor) => {
    const row = itemAt(rows, cursor)
    return { externalId: row.externalId, shows: askingOf(row).shows }
  },
})

const itemAt = <Item>(items: readonly Item[], cursor: Json): Item => {
  const { at } = cursorSchema.parse(cursor)
  const item = items[at]
  if (item === undefined) throw new SynclineError('internal', `A walk of ${items.length} records has no record ${at}`)
  return item
}

const oneByOne = <Item>(items: readonly Item[], requestOf: (item: Item) => ApiRequest): Walk => {
  const after = (cursor: Json): Json | null => {
    const at = cursorSchema.parse(cursor).at + 1
    return at < items.length ? { at } : null
  }
  return {
    start: { at: 0 },
    request: (cursor) => requestOf(itemAt(items, cursor)),
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
