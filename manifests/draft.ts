// A definition drafted from what a vendor documents of a resource: what can be told without thinking is filled in. Pure. An order or a
// filter is built upon only when it is trusted: a walk by one that the API ignores never ends, or misses records.
import { z } from 'zod'
import { day, decimal, flag, identifier, instant, integer, json, text } from './attributes.ts'
import { defineEntity } from './entity-manifest.ts'
import type { EntityDefinition, Manifest, Paging } from './manifest.ts'

export interface DocumentedResource {
  readonly module: string
  /** As the API names it: `SchoolOption`. */
  readonly type: string
  /** Name to the vendor's name of its type. */
  readonly attributes: Readonly<Record<string, string>>
  readonly relationships: readonly {
    readonly name: string
    readonly type: string
    readonly cardinality: 'to_one' | 'to_many'
  }[]
  readonly include: readonly string[]
  readonly order: readonly string[]
  readonly query: readonly string[]
  /** `GET /people/v2/tabs/{id}` */
  readonly endpoints: readonly string[]
}

const KINDS = { day, decimal, flag, identifier, instant, integer, json, text }

export type AttributeKind = keyof typeof KINDS

const KIND_OF: Readonly<Record<string, AttributeKind>> = {
  string: 'text',
  primary_key: 'identifier',
  boolean: 'flag',
  integer: 'integer',
  float: 'decimal',
  date: 'day',
  date_time: 'instant',
}

export interface Draft extends Omit<EntityDefinition, 'attributes' | 'canonical' | 'normalise'> {
  readonly attributes: Readonly<Record<string, AttributeKind>>
}

/** What was seen to be honoured. */
export interface Trusted {
  readonly orders: readonly string[]
  readonly filters: readonly string[]
}

/** `SchoolOption` is `school-option`. */
const entityOf = (type: string): string => type.replaceAll(/(?<=[a-z0-9])(?=[A-Z])/g, '-').toLowerCase()

const lastSegment = (path: string | undefined): string | undefined => path?.split('/').at(-1)

/** Its own paths, and those below entities of the manifest. */
const pathsOf = (manifest: Manifest, { endpoints }: DocumentedResource): EntityDefinition['endpoints'] => {
  const gets = endpoints.flatMap((endpoint) => (endpoint.startsWith('GET ') ? [endpoint.slice(4)] : []))
  const list = gets.find((path) => !path.includes('{'))
  const get = gets.find((path) => path.endsWith('/{id}'))
  // Not each path below another is a list of it.
  const segment = lastSegment(list ?? get?.slice(0, -'/{id}'.length))
  const listBy = manifest.definitions.flatMap(({ entity, endpoints: { list: parents } }) => {
    const isBelow = (path: string): boolean =>
      parents !== undefined && path.replace(/\{\w+\}/, '{}') === `${parents}/{}/${segment}`
    return gets.some(isBelow) ? [[entity, `${parents}/{id}/${segment}`]] : []
  })
  return {
    ...(list === undefined ? {} : { list }),
    ...(listBy.length === 0 ? {} : { listBy: Object.fromEntries(listBy) }),
    ...(get === undefined ? {} : { get }),
  }
}

const pagingOf = ({ list, listBy = {} }: EntityDefinition['endpoints'], { orders, filters }: Trusted): Paging | undefined => {
  const [parent] = Object.keys(listBy)
  if (list === undefined) return parent === undefined ? undefined : { kind: 'parents', parent }
  const isOrdered = orders.includes('created_at')
  if (isOrdered && filters.includes('created_at')) return { kind: 'keyset', field: 'created_at' }
  return { kind: 'offset', order: isOrdered ? 'created_at' : (orders[0] ?? null), mutable: !isOrdered }
}

const deltaOf = (paging: Paging, { orders, filters }: Trusted): EntityDefinition['strategies']['delta'] => {
  if (paging.kind === 'parents') return 'by-parent'
  if (!orders.includes('updated_at')) return 'full-and-hash'
  return filters.includes('updated_at') ? 'keyset' : 'walk-down'
}

/** Undefined: it has no list that the manifest could reach. */
export const draftOf = (
  manifest: Manifest,
  resource: DocumentedResource,
  trusted: Trusted = { orders: resource.order, filters: resource.query },
): Draft | undefined => {
  const endpoints = pathsOf(manifest, resource)
  const paging = pagingOf(endpoints, trusted)
  if (paging === undefined) return undefined
  const delta = deltaOf(paging, trusted)
  const attributes = Object.entries(resource.attributes).filter(([name]) => name !== 'id')
  return {
    entity: entityOf(resource.type),
    module: resource.module,
    resource: { type: resource.type },
    endpoints,
    attributes: Object.fromEntries(attributes.map(([name, type]) => [name, KIND_OF[type] ?? 'json'])),
    relationships: Object.fromEntries(
      resource.relationships.map(({ name, type, cardinality }) => [
        name,
        { type, cardinality: cardinality === 'to_one' ? 'one' : 'many' },
      ]),
    ),
    includes: resource.include,
    orderable: resource.order.filter((name) => trusted.orders.includes(name)),
    queryable: resource.query.filter((name) => trusted.filters.includes(name)),
    paging,
    ...(delta === 'keyset' || delta === 'walk-down' ? { deltaField: 'updated_at' } : {}),
    webhooks: [],
    strategies: { full: paging.kind === 'parents' ? 'by-parent' : 'walk', delta, reconcile: 'walk', webhook: 'none' },
  }
}

/** To ask the API by; it maps to nothing. */
export const definitionOf = ({ attributes, ...draft }: Draft): EntityDefinition =>
  defineEntity({
    ...draft,
    attributes: z.object(Object.fromEntries(Object.entries(attributes).map(([name, kind]) => [name, KINDS[kind]]))),
    canonical: { entity: draft.entity, revision: 1, map: () => ({ fields: {}, sourceUpdatedAt: null }) },
  })
