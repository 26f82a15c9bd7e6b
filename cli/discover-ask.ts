// What an API answers for one entity: a sample of its records, each order in both directions, each filter. One request after the other,
// each under the limit that all share.
import type { PageOptions } from '../adapters/core/adapter.ts'
import { isApiError } from '../adapters/core/errors.ts'
import { sendWithRetry } from '../adapters/core/retry.ts'
import type { EntityDefinition, SourceRecord } from '../manifests/manifest.ts'
import { split } from '../manifests/split.ts'
import type { WalkSpec } from '../manifests/walk.ts'
import { type ErrorCode, messageOf } from '../platform/errors.ts'
import { type Answered, filterQuestion, judgeFilter } from './discover-filters.ts'
import { judgeOrder } from './discover-orders.ts'
import type { Verdict } from './discover-values.ts'
import type { OpenVendor } from './vendor.ts'

/** A name that lists are ordered or filtered by. */
export interface Probed {
  readonly name: string
  readonly verdict: Verdict
  readonly isInManifest: boolean
  /** Whether the API's lists say that they can; null: they say nothing of it. */
  readonly isOffered: boolean | null
}

export interface Sampled {
  readonly entity: string
  /** Null: the API does not tell, or tells only how many there are below each parent. */
  readonly total: number | null
  readonly records: readonly SourceRecord[]
  readonly orders: readonly Probed[]
  readonly filters: readonly Probed[]
}

export interface Unanswered {
  readonly entity: string
  readonly why: string
  readonly error: unknown
}

export type Discovered = Sampled | Unanswered

export const isAnswered = (discovered: Discovered): discovered is Sampled => 'records' in discovered

/** A person waits, and a broken answer may be a bad moment. */
const RETRIES = 1
/** Parents that are looked below, until one has more than one record. */
const MAX_PARENTS = 5

interface Page extends Answered {
  readonly canOrderBy: readonly string[] | null
  readonly canQueryBy: readonly string[] | null
}

type Look = Pick<PageOptions, 'where' | 'order' | 'fields'>

type Below = WalkSpec & { readonly kind: 'parents' }
/** Asks for the first page of a list, or for another one as the list is. */
type Looker = (look: Look, offset?: number) => Promise<Page>

/** Of the entity's own list, or of that below one parent. */
const lookAt =
  ({ api, vendor }: OpenVendor, signal: AbortSignal, { entity }: EntityDefinition, below?: Below): Looker =>
  ({ order, ...look }, offset = 0) => {
    const { adapter, auth } = vendor
    const walk: WalkSpec = below ?? { kind: 'offset', order: order ?? null, sweep: 0 }
    const asked = adapter.walk({ entity, walk, carries: [] }, { ...look, ...(order === undefined ? {} : { order }) })
    const request = offset === 0 ? asked.request(asked.start) : adapter.pageAt({ entity, carries: [] }, offset)
    const read = ({ body }: { readonly body: Buffer }): Page => {
      const page = adapter.parseList(entity, body)
      const records = split(adapter.manifest, entity, [], page.body).get(entity) ?? []
      return { records, total: page.total, canOrderBy: page.canOrderBy, canQueryBy: page.canQueryBy }
    }
    return sendWithRetry(api, request, read, { auth, signal, retries: RETRIES })
  }

/** Those below the first parents there are. */
const listsBelow = async (open: OpenVendor, signal: AbortSignal, definition: EntityDefinition): Promise<readonly Looker[]> => {
  const { paging } = definition
  if (paging.kind !== 'parents') return []
  const { records } = await lookAt(open, signal, open.vendor.adapter.manifest.get(paging.parent))({})
  const ids = records.flatMap(({ externalId }) => externalId ?? []).slice(0, MAX_PARENTS)
  return ids.map((id) => lookAt(open, signal, definition, { kind: 'parents', parent: paging.parent, ids: [id] }))
}

/** There is no parent to look below. */
const nowhere: Looker = async () => ({ records: [], total: null, canOrderBy: null, canQueryBy: null })

/** What the API says of one entity, not of the account or of itself. */
const isOfEntity = (error: unknown): boolean =>
  isApiError(error, 'permission', 'gone', 'bad-request', 'bad-response', 'redirect', 'too-large')

const refusalOf = (error: unknown): Verdict => {
  if (!isOfEntity(error)) throw error
  return { is: 'refused', why: messageOf(error) }
}

const probed = async (
  names: readonly string[],
  offered: readonly string[] | null,
  judge: (name: string) => Promise<Verdict>,
): Promise<readonly Probed[]> => {
  const all: Probed[] = []
  for (const name of new Set([...names, ...(offered ?? [])])) {
    const verdict = await judge(name).catch(refusalOf)
    all.push({ name, verdict, isInManifest: names.includes(name), isOffered: offered?.includes(name) ?? null })
  }
  return all
}

const sample = async (open: OpenVendor, signal: AbortSignal, definition: EntityDefinition): Promise<Sampled> => {
  const { entity, attributes, orderable, queryable } = definition
  const isBelow = definition.endpoints.list === undefined
  const lists = isBelow ? await listsBelow(open, signal, definition) : [lookAt(open, signal, definition)]
  let [look = nowhere] = lists
  let first = await look({})
  for (const other of lists.slice(1)) {
    if (first.records.length > 1) break
    look = other
    first = await look({})
  }
  const { records, total } = first
  const last = !isBelow && total !== null && total > records.length ? (await look({}, total - records.length)).records : []
  const seen = [...records, ...last]
  // Nothing else of a record is needed; what a definition brings into another form is asked for whole.
  const only = (name: string): Pick<Look, 'fields'> => (Object.hasOwn(attributes.shape, name) ? { fields: [name] } : {})
  const order = async (name: string): Promise<Verdict> => {
    if (seen.length < 2) return judgeOrder(name, { rising: seen, falling: seen })
    const [rising, falling] = [await look({ order: name, ...only(name) }), await look({ order: `-${name}`, ...only(name) })]
    return judgeOrder(name, { rising: rising.records, falling: falling.records })
  }
  const filter = async (name: string): Promise<Verdict> => {
    const question = filterQuestion(name, seen)
    return 'is' in question ? question : judgeFilter(name, question, await look({ where: question.where, ...only(name) }), first)
  }
  return {
    entity,
    total: isBelow ? null : total,
    records: seen,
    orders: await probed(orderable, first.canOrderBy, order),
    filters: await probed(queryable, first.canQueryBy, filter),
  }
}

/** Throws what the API answers, unless it is about this entity alone. */
export const discoverEntity = async (
  open: OpenVendor,
  signal: AbortSignal,
  definition: EntityDefinition,
): Promise<Discovered> => {
  try {
    return await sample(open, signal, definition)
  } catch (error) {
    if (!isOfEntity(error)) throw error
    return { entity: definition.entity, why: messageOf(error), error }
  }
}

export const codeOf = ({ error }: Unanswered): ErrorCode | undefined => (isApiError(error) ? error.code : undefined)
