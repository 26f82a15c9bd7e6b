// A list endpoint in memory that changes while it is walked, with the quirks that paging has to survive; and a drive through it.
import type { ApiRequest, ListPage, Walk } from '../../../../adapters/core/adapter.ts'
import type { Dialect, Listing } from '../../../../adapters/core/paging/listing.ts'
import type { Json } from '../../../../manifests/walk.ts'

export interface Row {
  readonly id: string | null
  readonly key: string | null
  readonly name: string
  /** The API has a value and orders by it, but what it shows of it cannot be read. */
  readonly isUnreadable?: boolean
}

const dialect: Dialect = {
  page: (offset, perPage) => ({ offset: String(offset), per_page: String(perPage) }),
  order: (order) => ({ order }),
  between: (field, from, to) => ({
    ...(from === null ? {} : { [`where[${field}][gte]`]: from }),
    ...(to === null ? {} : { [`where[${field}][lt]`]: to }),
  }),
}

export const listing = (maxPerPage: number, path = '/rows'): Listing => ({ path, query: {}, maxPerPage, dialect })

export const key = (second: number): string => new Date(1_600_000_000_000 + second * 1000).toISOString().replace('.000Z', 'Z')

export interface Quirks {
  readonly ignoresFilter?: boolean
  readonly ignoresOrder?: boolean
  readonly ignoresOffset?: boolean
  readonly total?: (count: number) => number | null
  readonly hasNext?: (isMore: boolean) => boolean
  readonly clampPerPage?: number
  readonly canOrderBy?: readonly string[] | null
  readonly canQueryBy?: readonly string[] | null
  readonly nulls?: 'first' | 'last'
  /** Rows of one value come in another order each time. */
  readonly shuffleTies?: () => number
}

const rank = (row: Row, nulls: 'first' | 'last') => (row.key === null ? (nulls === 'first' ? '' : '~') : row.key)

/** Answers one request from the rows as they are now: ordered by the field, then by id. */
export const answer = (all: readonly Row[], request: ApiRequest, quirks: Quirks = {}): ListPage => {
  const { query } = request
  const [from, to] = [query['where[key][gte]'], query['where[key][lt]']]
  const obeys = ({ key }: Row) =>
    quirks.ignoresFilter ||
    ((from === undefined || (key !== null && key >= from)) && (to === undefined || (key !== null && key < to)))
  const found = sorted(all, query['order'], quirks).filter(obeys)
  const offset = quirks.ignoresOffset ? 0 : Number(query['offset'])
  const page = found.slice(offset, offset + Math.min(Number(query['per_page']), quirks.clampPerPage ?? 100))
  const isMore = offset + page.length < found.length
  return {
    ids: page.map((row) => row.id),
    key: (index, field) => shown(page[index], field),
    total: quirks.total ? quirks.total(found.length) : found.length,
    hasNext: quirks.hasNext ? quirks.hasNext(isMore) : isMore,
    canOrderBy: quirks.canOrderBy === undefined ? ['key', 'name'] : quirks.canOrderBy,
    canQueryBy: quirks.canQueryBy === undefined ? ['key'] : quirks.canQueryBy,
    body: page,
  }
}

const shown = (row: Row | undefined, field: string): string | null | undefined => {
  if (field === 'name') return row?.name ?? null
  return row?.isUnreadable ? undefined : (row?.key ?? null)
}

const sorted = (all: readonly Row[], order: string | undefined, quirks: Quirks): readonly Row[] => {
  if (order === undefined || quirks.ignoresOrder) return all
  const rows = [...all]
  sortRows(rows, order, quirks)
  return rows
}

const sortRows = (rows: Row[], order: string, { nulls = 'first', shuffleTies }: Quirks): void => {
  const [field, sign] = order.startsWith('-') ? [order.slice(1), -1] : [order, 1]
  const value = (row: Row) => (field === 'name' ? row.name : rank(row, nulls))
  if (shuffleTies) for (let i = rows.length - 1; i > 0; i--) rows.push(...rows.splice(Math.floor(shuffleTies() * (i + 1)), 1))
  rows.sort((a, b) => {
    const [of, than] = [value(a), value(b)]
    if (of !== than) return of < than ? -sign : sign
    return shuffleTies ? 0 : Number(a.id) - Number(b.id)
  })
}

export interface Driven {
  readonly ids: readonly (string | null)[]
  readonly requests: readonly ApiRequest[]
  readonly fresh: number
  readonly drifted: boolean
  readonly totals: readonly number[]
}

/** Walks to the end. Cursors go through JSON, as through the ledger. `between` runs before each request. */
export const drive = (
  walk: Walk,
  serve: (request: ApiRequest) => ListPage,
  between: (step: number) => void = () => {},
): Driven => {
  const [ids, requests, totals]: [(string | null)[], ApiRequest[], number[]] = [[], [], []]
  let [cursor, fresh, drifted]: [Json | null, number, boolean] = [walk.start, 0, false]
  for (let step = 0; cursor !== null; step++) {
    if (step > 20_000) throw new Error('The walk does not end')
    between(step)
    const request = walk.request(cursor)
    const page = serve(request)
    const taken = walk.advance(cursor, page)
    requests.push(request)
    ids.push(...page.ids)
    if (taken.total !== null) totals.push(taken.total)
    fresh += taken.fresh
    drifted ||= taken.drifted
    cursor = taken.next === null ? null : JSON.parse(JSON.stringify(taken.next))
  }
  return { ids, requests, fresh, drifted, totals }
}

/** Small deterministic random numbers: mulberry32. */
export const randomOf = (seed: number): (() => number) => {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}
