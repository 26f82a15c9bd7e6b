// A list as a stream of pages of records: picks the walk that the manifest and the options ask for, and drives it to its end.

import type { EntityDefinition, Manifest, SourceRecord } from '../../manifests/manifest.ts'
import { split } from '../../manifests/split.ts'
import type { Json, WalkSpec } from '../../manifests/walk.ts'
import { isSynclineError, SynclineError } from '../../platform/errors.ts'
import { suggest } from '../../platform/suggest.ts'
import type { Adapter, ApiRequest, ApiResponse, PageOptions, Walk } from './adapter.ts'

/** `where` takes fields that the manifest says can be queried; `fields` are of those that it knows. */
export interface ListOptions extends PageOptions {
  /** A field that can be ordered by; `-field` is descending. */
  readonly order?: string
  /** Names of the API's `include` parameter; the records come after those of their page. */
  readonly include?: readonly string[]
  /** Where records are to be listed below: necessary for those that have no list of their own. */
  readonly parent?: { readonly entity: string; readonly id: string }
  readonly signal?: AbortSignal
}

export type Send = <T>(request: ApiRequest, read: (response: ApiResponse) => T, signal?: AbortSignal) => Promise<T>

interface Page {
  readonly records: readonly SourceRecord[]
  readonly next: Json | null
}

/** Records of a page come together, what it includes after its own; those that the page before had too are left out. */
export async function* listPages(
  adapter: Adapter,
  send: Send,
  entity: string,
  options: ListOptions,
): AsyncGenerator<readonly SourceRecord[], void> {
  const definition = adapter.manifest.get(entity)
  checkNames(definition, options)
  const carries = carriedBy(adapter.manifest, entity, options.include ?? [])
  const walk = adapter.walk({ entity, walk: specOf(definition, options), carries }, options)
  const read =
    (cursor: Json) =>
    (response: ApiResponse): Page => {
      const page = adapter.parseList(entity, response.body)
      const { next } = walk.advance(cursor, page)
      return { records: [...split(adapter.manifest, entity, carries, page.body).values()].flat(), next }
    }

  let before: readonly ReadonlySet<string>[] = []
  for (let cursor: Json | null = walk.start; cursor !== null; ) {
    const page: Page = await takePage(walk, cursor, (request, at) => send(request, read(at), options.signal))
    yield page.records.filter((record) => record.externalId === null || !before.some((seen) => seen.has(keyOf(record))))
    before = [new Set(page.records.map(keyOf)), ...before].slice(0, REMEMBERED_PAGES)
    cursor = page.next
  }
}

/** The seam repeats rows of the pages just before, and a look back is a page too: to remember all would grow with the list. */
const REMEMBERED_PAGES = 4

const keyOf = ({ entity, externalId }: SourceRecord): string => `${entity}/${externalId}`

/** Asks for fewer records when a page is too large; a parent that is gone has none. */
const takePage = async (walk: Walk, cursor: Json, ask: (request: ApiRequest, cursor: Json) => Promise<Page>): Promise<Page> => {
  try {
    return await ask(walk.request(cursor), cursor)
  } catch (error) {
    if (isSynclineError(error, 'gone') && walk.skipGone !== null) return { records: [], next: walk.skipGone(cursor) }
    const smaller = isSynclineError(error, 'too-large') ? walk.halve(cursor) : null
    if (smaller === null) throw error
    return { records: [], next: smaller }
  }
}

const specOf = ({ entity, paging }: EntityDefinition, { where, order, parent }: ListOptions): WalkSpec => {
  if (parent !== undefined) return { kind: 'parents', parent: parent.entity, ids: [parent.id] }
  if (paging.kind === 'parents') {
    throw new SynclineError('usage', `${entity} can only be listed below a ${paging.parent}`, { remedy: 'Name it as `parent`.' })
  }
  if (where !== undefined || order !== undefined) return { kind: 'offset', order: order ?? null, sweep: 0 }
  if (paging.kind === 'offset') return { kind: 'offset', order: paging.order, sweep: 0 }
  return { kind: 'keyset', field: paging.field, from: null, to: null, split: false }
}

/** Of a comparison, `created_at[gte]`. */
const OPERATORS = ['gt', 'gte', 'lt', 'lte']

/** The API answers an unknown name with the whole collection, so that names are checked before. */
const checkNames = ({ entity, queryable, orderable, endpoints, attributes }: EntityDefinition, options: ListOptions): void => {
  const { fields = [], perPage = 1 } = options
  for (const name of fields) need(name, Object.keys(attributes.shape), `${entity} has no attribute`)
  if (!Number.isSafeInteger(perPage) || perPage < 1) {
    throw new SynclineError('usage', '`perPage` must be a whole number from 1 on')
  }
  for (const name of Object.keys(options.where ?? {})) {
    const [, field = name, operator] = /^([^[]*)\[(.*)\]$/.exec(name) ?? []
    need(field, queryable, `${entity} cannot be queried by`)
    if (operator !== undefined) need(operator, OPERATORS, `${entity} cannot be compared by`)
  }
  if (options.order !== undefined) need(options.order.replace(/^-/, ''), orderable, `${entity} cannot be ordered by`)
  if (options.parent !== undefined) {
    if (options.order !== undefined) throw new SynclineError('usage', 'A list below a parent cannot be given an order')
    need(options.parent.entity, Object.keys(endpoints.listBy ?? {}), `${entity} cannot be listed below`)
  }
}

const need = (name: string, valid: readonly string[], problem: string): void => {
  if (!valid.includes(name)) throw new SynclineError('usage', `${problem} '${name}'`, { remedy: suggest(name, valid) })
}

const carriedBy = (manifest: Manifest, entity: string, includes: readonly string[]): readonly string[] => {
  const carried = manifest.definitions.filter((definition) => definition.carriedBy?.carrier === entity)
  const names = carried.map((definition) => definition.carriedBy?.include ?? '')
  for (const include of includes) need(include, names, `Pages of ${entity} cannot include`)
  return carried
    .filter((definition) => includes.includes(definition.carriedBy?.include ?? ''))
    .map((definition) => definition.entity)
}
