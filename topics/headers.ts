// Headers of raw pages, canonical records and dead letters: encoding and decoding, in one place.
import { z } from 'zod'

/** Where a raw page comes from. `attempt` is the range's epoch; `observedAt` is the start of the request, in ms since 1970. */
export interface PageOrigin {
  readonly runId: string
  readonly orgId: string
  readonly source: string
  readonly entity: string
  readonly rangeId: number
  readonly page: number
  readonly attempt: number
  readonly observedAt: number
  /** Entities whose records this page carries besides its own. */
  readonly carries: readonly string[]
  readonly traceparent: string
  /** No answer of the source, but what it means: it does not have the row that the value names. Only we set this. */
  readonly gone?: true
}

/** Which record of which page attempt a canonical record is; absent on records that belong to no run (webhooks). */
export interface RecordOrigin {
  readonly runId: string
  readonly rangeId: number
  readonly page: number
  readonly attempt: number
  /** Position among the records of its entity in the page, from 0. */
  readonly index: number
  /** Number of records of its entity in the page. */
  readonly count: number
  /** Under which name the ledger awaits it, where that is not its topic's: a record about another entity's row. */
  readonly entity?: string
}

export type Headers = Record<string, string>

const pageHeadersSchema = z.object({
  run: z.uuid(),
  org: z.string().min(1),
  source: z.string().min(1),
  entity: z.string().min(1),
  range: z.coerce.number().int().min(0),
  page: z.coerce.number().int().min(0),
  attempt: z.coerce.number().int().min(0),
  'observed-at': z.coerce.number().int(),
  carries: z.string().default(''),
  traceparent: z.string().default(''),
  gone: z.literal('1').optional(),
})

export const encodePageOrigin = (origin: PageOrigin): Headers => ({
  run: origin.runId,
  org: origin.orgId,
  source: origin.source,
  entity: origin.entity,
  range: String(origin.rangeId),
  page: String(origin.page),
  attempt: String(origin.attempt),
  'observed-at': String(origin.observedAt),
  carries: origin.carries.join(','),
  traceparent: origin.traceparent,
  ...(origin.gone === true ? { gone: '1' } : {}),
})

/** Throws ZodError when a header is missing or of the wrong form. */
export const decodePageOrigin = (headers: Headers): PageOrigin => {
  const h = pageHeadersSchema.parse(headers)
  return {
    runId: h.run,
    orgId: h.org,
    source: h.source,
    entity: h.entity,
    rangeId: h.range,
    page: h.page,
    attempt: h.attempt,
    observedAt: h['observed-at'],
    carries: h.carries === '' ? [] : h.carries.split(','),
    traceparent: h.traceparent,
    ...(h.gone === undefined ? {} : { gone: true as const }),
  }
}

/**
 * The origin of a canonical record or dead letter stands in one header, `origin`: run/range/page/attempt/index/count, with entity@
 * before it where the ledger knows the record under another name than its topic's. One header instead of six, because the client's cost is per header; see docs/decisions/0004-one-origin-header.md.
 */
export const ORIGIN_HEADER = 'origin'

export const originPrefix = (page: Pick<RecordOrigin, 'runId' | 'rangeId' | 'page' | 'attempt' | 'entity'>): string =>
  `${page.entity === undefined ? '' : `${page.entity}@`}${page.runId}/${page.rangeId}/${page.page}/${page.attempt}/`

export const encodeRecordOrigin = (prefix: string, index: number, count: number): string => `${prefix}${index}/${count}`

/**
 * External ids of the parents that a record cannot be without, in the order of its entity's hard references: what a parked record's
 * parent is asked for by, because a canonical id does not tell. Absent on records that have no such reference.
 */
export const PARENTS_HEADER = 'parents'

export type ParentIds = readonly (string | null)[]

/** What nearly all ids are made of: neither a comma nor the bracket that JSON begins with. */
const PLAIN_ID = /^[\w.:-]*$/

/** Ids with commas between them, nothing for null; as JSON where one is unusual. Most records have it, so it must cost nothing. */
export const encodeParents = (parents: ParentIds): string => {
  const [first] = parents
  if (parents.length === 1 && typeof first === 'string' && PLAIN_ID.test(first)) return first
  return parents.every((id) => id === null || (id !== '' && PLAIN_ID.test(id)))
    ? parents.map((id) => id ?? '').join(',')
    : JSON.stringify(parents)
}

const parentsSchema = z.array(z.string().nullable())

/** Empty when the header is absent or not of the form: the parents can then not be asked for. */
export const decodeParents = (header: string | undefined): ParentIds => {
  if (header === undefined) return []
  if (!header.startsWith('[')) return header.split(',').map((id) => (id === '' ? null : id))
  try {
    return parentsSchema.safeParse(JSON.parse(header)).data ?? []
  } catch {
    return []
  }
}

const ORIGIN =
  /^(?:([a-z][a-z0-9-]*)@)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\/(\d{1,9})\/(\d{1,9})\/(\d{1,9})\/(\d{1,6})\/(\d{1,6})$/
/** No response holds more of one entity (4 MiB): a header that says so is none of ours, and must not cost a bit per record. */
const MAX_RECORDS_PER_PAGE = 200_000

/** Undefined when the header is absent or not of the form: the record then belongs to no run. */
export const decodeRecordOrigin = (header: string | undefined): RecordOrigin | undefined => {
  const m = header === undefined ? null : ORIGIN.exec(header)
  if (!m?.[2]) return undefined
  const origin = {
    runId: m[2],
    rangeId: Number(m[3]),
    page: Number(m[4]),
    attempt: Number(m[5]),
    index: Number(m[6]),
    count: Number(m[7]),
    ...(m[1] === undefined ? {} : { entity: m[1] }),
  }
  return origin.index < origin.count && origin.count <= MAX_RECORDS_PER_PAGE ? origin : undefined
}
