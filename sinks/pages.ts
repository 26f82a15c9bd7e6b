// Which page a record came with, from its `origin` header: records of a page share a prefix, which is parsed once per batch.
import { decodeRecordOrigin } from '../topics/headers.ts'
import type { PageRef, Placed } from './batch.ts'

const NOWHERE: Placed = { page: undefined, index: 0 }

/** One per batch. A header that is absent or not of the form places a record nowhere: it then belongs to no run. */
export type PageBook = (entity: string, header: string | undefined) => Placed

export const createPageBook = (): PageBook => {
  const books = new Map<string, Map<string, PageRef>>()
  const bookOf = (entity: string): Map<string, PageRef> => {
    const known = books.get(entity)
    if (known !== undefined) return known
    const made = new Map<string, PageRef>()
    books.set(entity, made)
    return made
  }
  return (entity, header) => {
    if (header === undefined) return NOWHERE
    const countAt = header.lastIndexOf('/')
    const indexAt = header.lastIndexOf('/', countAt - 1) + 1
    const prefix = header.slice(0, indexAt)
    const book = bookOf(entity)
    const page = book.get(prefix) ?? firstOf(bookOf, prefix, entity, header)
    if (page === undefined) return NOWHERE
    const index = Number(header.slice(indexAt, countAt))
    return Number.isInteger(index) && index >= 0 && index < page.count ? { page, index } : NOWHERE
  }
}

/** A page that names its entity is one for all topics that its records, and what died of them, come on. */
const firstOf = (
  bookOf: (entity: string) => Map<string, PageRef>,
  prefix: string,
  topicEntity: string,
  header: string,
): PageRef | undefined => {
  const origin = decodeRecordOrigin(header)
  if (origin === undefined) return undefined
  const { runId, rangeId, page, attempt, count, entity = topicEntity } = origin
  const own = bookOf(entity)
  const ref = own.get(prefix) ?? { runId, rangeId, page, attempt, entity, count }
  own.set(prefix, ref)
  bookOf(topicEntity).set(prefix, ref)
  return ref
}
