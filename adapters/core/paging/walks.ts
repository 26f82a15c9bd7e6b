// The walks of an API by its manifest: goes in how it spells pages, orders and filters; comes out which requests each walk makes.
import { type Asking, askingAfter, pathById } from '../../../manifests/by-id.ts'
import type { EntityDefinition, Manifest } from '../../../manifests/manifest.ts'
import type { MissingRow, RangeSpec } from '../../../manifests/walk.ts'
import { SynclineError } from '../../../platform/errors.ts'
import type { Adapter, ApiRequest, PageOptions, Walk } from '../adapter.ts'
import { countWalk } from './count.ts'
import { downWalk } from './down.ts'
import { confirmWalk, idsWalk } from './ids.ts'
import { keysetWalk } from './keyset.ts'
import { type Dialect, type Listing, listRequest } from './listing.ts'
import { offsetWalk } from './offset.ts'
import { parentsWalk } from './parents.ts'
import { splitRange } from './split-range.ts'

export type Asked = Pick<RangeSpec, 'entity' | 'carries'> & Partial<Pick<RangeSpec, 'walk'>>

export interface WalksOptions {
  readonly manifest: Manifest
  readonly dialect: Dialect
  /** The most that the API gives at once, and never 0. */
  readonly maxPerPage: number
  /** Parameters of every request for these records, such as `include`; absent: none. */
  query?(asked: Asked, options: PageOptions): Readonly<Record<string, string>>
}

/** Each throws SynclineError('internal') when the definition has no such list, or does not carry what it is to carry. */
export const createWalks = (api: WalksOptions): Pick<Adapter, 'pageSize' | 'walk' | 'pageAt' | 'probe' | 'splitRange'> => {
  const { manifest, dialect } = api
  const queryOf = (asked: Asked, options: PageOptions = {}) => api.query?.(asked, options) ?? {}
  const missing = (what: string): SynclineError =>
    new SynclineError('internal', `The manifest of ${manifest.adapter} has no ${what}`)

  const listPath = ({ entity, endpoints }: EntityDefinition): string => {
    if (endpoints.list === undefined) throw missing(`list of ${entity}`)
    return endpoints.list
  }
  const pathBelow = ({ entity, endpoints }: EntityDefinition, parent: string): string => {
    const path = endpoints.listBy?.[parent]
    if (path === undefined) throw missing(`list of ${entity} below ${parent}`)
    return path
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

  const walk = (spec: RangeSpec, options: PageOptions = {}): Walk => {
    const definition = manifest.get(spec.entity)
    const query = queryOf(spec, options)
    const maxPerPage = Math.min(options.perPage ?? api.maxPerPage, api.maxPerPage)
    const listing = (path: string): Listing => ({ path, query, maxPerPage, dialect })
    const one = (path: string): ApiRequest => ({ method: 'GET', path, query })
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
        return idsWalk(walk.ids, (id) => one(onePath(definition, id)))
      case 'down':
        return downWalk(listing(listPath(definition)), walk)
      case 'confirm':
        return confirmWalk(
          walk.rows,
          (row) => asking(definition, row),
          ({ path, shows }) => (shows === 'one' ? one(path) : listRequest(listing(path), dialect.page(0, api.maxPerPage))),
        )
    }
  }

  const page = (definition: EntityDefinition, offset: number, perPage: number, query: Listing['query']): ApiRequest =>
    listRequest({ path: listPath(definition), query, maxPerPage: api.maxPerPage, dialect }, dialect.page(offset, perPage))

  return {
    pageSize: api.maxPerPage,
    walk,
    splitRange,
    // In the API's own order: for a look at a part, not for a walk.
    pageAt: (asked, offset) => page(manifest.get(asked.entity), offset, api.maxPerPage, queryOf(asked)),
    // One record of the entity, or of a parent where the entity has no list of its own.
    probe: (entity) => {
      const definition = manifest.get(entity)
      const { paging } = definition
      const isListed = definition.endpoints.list !== undefined || paging.kind !== 'parents'
      return page(isListed ? definition : manifest.get(paging.parent), 0, 1, {})
    },
  }
}
