// How Planning Center spells the parameters of its lists.
import type { EntityDefinition } from '../../manifests/manifest.ts'
import { pcoManifest } from '../../manifests/pco/index.ts'
import { SynclineError } from '../../platform/errors.ts'
import type { Dialect } from '../core/paging/listing.ts'
import { type Asked, createWalks } from '../core/paging/walks.ts'

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

const includeOf = ({ entity, carries }: Asked): Readonly<Record<string, string>> => {
  const includes = carries.map((name) => {
    const { carriedBy }: EntityDefinition = pcoManifest.get(name)
    if (carriedBy?.carrier !== entity) {
      throw new SynclineError('internal', `The manifest of pco has no way to carry ${name} on pages of ${entity}`)
    }
    return carriedBy.include
  })
  return includes.length === 0 ? {} : { include: [...new Set(includes)].join(',') }
}

/**
 * Left out where a record is made from more than its attributes, because relationships are fields to JSON:API, too: what is carried, and
 * records that are brought into another form. All attributes come then.
 */
const fieldsOf = ({ entity, walk, carries }: Asked, fields: readonly string[] = []): Readonly<Record<string, string>> => {
  const { resource, normalise }: EntityDefinition = pcoManifest.get(entity)
  if (fields.length === 0 || carries.length > 0 || normalise !== undefined) return {}
  const walked = walk?.kind === 'keyset' ? [walk.field] : []
  return { [`fields[${resource.type}]`]: [...new Set([...walked, ...fields])].join(',') }
}

/** `field` becomes `where[field]`, `field[gte]` becomes `where[field][gte]`; the names were checked against the definition. */
const filterOf = (where: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(where).map(([name, value]) => [`where${name.replace(/^[^[]+/, '[$&]')}`, value]))

export const pcoWalks = createWalks({
  manifest: pcoManifest,
  dialect,
  maxPerPage: MAX_PER_PAGE,
  query: (asked, { fields, where }) => ({ ...includeOf(asked), ...fieldsOf(asked, fields), ...filterOf(where) }),
})
