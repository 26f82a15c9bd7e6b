// Which walk goes along which path of Planning Center, and how its parameters are spelt.
import { type Asking, askingAfter, pathById } from '../../manifests/by-id.ts'
import type { EntityDefinition, Manifest } from '../../manifests/manifest.ts'
import type { MissingRow, RangeSpec } from '../../manifests/walk.ts'
import { SynclineError } from '../../platform/errors.ts'
import type { ApiRequest, PageOptions, Walk } from '../core/adapter.ts'
import { countWalk } from '../core/paging/count.ts'
import { downWalk } from '../core/paging/down.ts'
import { confirmWalk, idsWalk } from '../core/paging/ids.ts'
import { keysetWalk } from '../core/paging/keyset.ts'
import { type Dialect, type Listing, listRequest } from '../core/paging/listing.ts'
import { offsetWalk } from '../core/paging/offset.ts'
import { parentsWalk } from '../core/paging/parents.ts'

/** More is clamped; 0 is never asked for, because it is answered with a next page for ever. */
export const MAX_PER_PAGE = 100

const dialect: Dialect = {
  page: (offset, perPage) => ({ per_page: String(perPage), offset: String(offset) }),
  order: (order) => ({ order }),
  between: (field, from, to) => ({
    ...(from === null ? {} : { [`where[${field}][gte]`]: from }),
    ...(to === null ? {} : { [`where[${field}][lt]`]: to }),
  }),
}

/** Throws SynclineError('internal') when the definition has no such list, or does not carry what it is to carry. */
export const walkOf = (manifest: Manifest, spec: RangeSpec, options: PageOptions = {}): Walk => {
  const definition = manifest.get(spec.entity)
  const query = { ...includeOf(manifest, spec), ...fieldsOf(definition, spec, options.fields), ...filterOf(options.where) }
  const maxPerPage = Math.min(options.perPage ?? MAX_PER_PAGE, MAX_PER_PAGE)
  const listing = (path: string): Listing => ({ path, query, maxPerPage, dialect })
  const { walk } = spec
  switch (walk.kind) {
    case 'keyset':
      return keysetWalk(listing(listPath(definition)), walk)
    case 'offset':
      return offsetWalk(listing(listPath(definition)), walk)
    case 'count':
      return countWalk(listing(listPath(definition)), walk.field)
    case 'parents': {
      const template = pathBelow(definition, walk.parent)
      const order = options.order === undefined ? {} : dialect.order(options.order)
      const below = (id: string): Listing => listing(template.replace('{id}', encodeURIComponent(id)))
      return parentsWalk(walk.ids, (id) => ({ ...below(id), query: { ...query, ...order } }))
    }
    case 'ids':
      return idsWalk(walk.ids, (id) => ({ method: 'GET', path: onePath(definition, id), query }))
    case 'down':
      return downWalk(listing(listPath(definition)), walk)
    case 'confirm':
      return confirmWalk(
        walk.rows,
        (row) => asking(definition, row),
        ({ path, shows }) =>
          shows === 'one' ? { method: 'GET', path, query } : listRequest(listing(path), dialect.page(0, MAX_PER_PAGE)),
      )
  }
}

/** In the API's own order: for a look at a part, not for a walk. */
export const pageAtOf = (manifest: Manifest, spec: Pick<RangeSpec, 'entity' | 'carries'>, offset: number): ApiRequest => {
  const listing: Listing = {
    path: listPath(manifest.get(spec.entity)),
    query: includeOf(manifest, spec),
    maxPerPage: MAX_PER_PAGE,
    dialect,
  }
  return listRequest(listing, dialect.page(offset, MAX_PER_PAGE))
}

/** One record of the entity, or of a parent where the entity has no list of its own. */
export const probeOf = (manifest: Manifest, entity: string): ApiRequest => {
  const definition = manifest.get(entity)
  const { paging } = definition
  const listed = definition.endpoints.list === undefined && paging.kind === 'parents' ? manifest.get(paging.parent) : definition
  const listing: Listing = { path: listPath(listed), query: {}, maxPerPage: MAX_PER_PAGE, dialect }
  return listRequest(listing, dialect.page(0, 1))
}

const missing = (what: string): SynclineError => new SynclineError('internal', `The manifest of pco has no ${what}`)

const listPath = ({ entity, endpoints }: EntityDefinition): string => {
  if (endpoints.list === undefined) throw missing(`list of ${entity}`)
  return endpoints.list
}

const onePath = (definition: EntityDefinition, id: string): string => {
  const path = pathById(definition, id)
  if (path === undefined) throw missing(`way to one ${definition.entity} by its id`)
  return path
}

const asking = (definition: EntityDefinition, row: MissingRow): Asking => {
  const found = askingAfter(definition, row)
  if (found === undefined) throw missing(`way to ask after one ${definition.entity}`)
  return found
}

const pathBelow = ({ entity, endpoints }: EntityDefinition, parent: string): string => {
  const path = endpoints.listBy?.[parent]
  if (path === undefined) throw missing(`list of ${entity} below ${parent}`)
  return path
}

const includeOf = (
  manifest: Manifest,
  { entity, carries }: Pick<RangeSpec, 'entity' | 'carries'>,
): Readonly<Record<string, string>> => {
  const includes = carries.map((name) => {
    const { carriedBy } = manifest.get(name)
    if (carriedBy?.carrier !== entity) throw missing(`way to carry ${name} on pages of ${entity}`)
    return carriedBy.include
  })
  return includes.length === 0 ? {} : { include: [...new Set(includes)].join(',') }
}

/**
 * Left out where a record is made from more than its attributes, because relationships are fields to JSON:API, too: what is carried, and
 * records that are brought into another form. All attributes come then.
 */
const fieldsOf = (
  { resource, normalise }: EntityDefinition,
  { walk, carries }: RangeSpec,
  fields: readonly string[] = [],
): Readonly<Record<string, string>> => {
  if (fields.length === 0 || carries.length > 0 || normalise !== undefined) return {}
  const walked = walk.kind === 'keyset' ? [walk.field] : []
  return { [`fields[${resource.type}]`]: [...new Set([...walked, ...fields])].join(',') }
}

/** `field` becomes `where[field]`, `field[gte]` becomes `where[field][gte]`; the names were checked against the definition. */
const filterOf = (where: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(where).map(([name, value]) => [`where${name.replace(/^[^[]+/, '[$&]')}`, value]))
