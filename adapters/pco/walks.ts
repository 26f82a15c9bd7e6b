// How Planning Center spells the parameters of its lists.
import type { EntityDefinition, Manifest } from '../../manifests/manifest.ts'
import { SynclineError } from '../../platform/errors.ts'
import type { Dialect } from '../core/paging/listing.ts'
import { type Asked, createWalks } from '../core/paging/walks.ts'

/** More is clamped; 0 is never asked for, because it is answered with a next page for ever. */
const MAX_PER_PAGE = 100

const dialect: Dialect = {
  page: (offset, perPage) => ({ per_page: String(perPage), offset: String(offset) }),
  order: (order) => ({ order }),
  between: (field, from, to) => ({
    ...(from === null ? {} : { [`where[${field}][gte]`]: from }),
    ...(to === null ? {} : { [`where[${field}][lt]`]: to }),
  }),
}

const includeOf = (manifest: Manifest, { entity, carries }: Asked): Readonly<Record<string, string>> => {
  const includes = carries.map((name) => {
    const { carriedBy } = manifest.get(name)
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
const fieldsOf = (
  { resource, normalise }: EntityDefinition,
  { walk, carries }: Asked,
  fields: readonly string[] = [],
): Readonly<Record<string, string>> => {
  if (fields.length === 0 || carries.length > 0 || normalise !== undefined) return {}
  const walked = walk?.kind === 'keyset' ? [walk.field] : []
  return { [`fields[${resource.type}]`]: [...new Set([...walked, ...fields])].join(',') }
}

/** `field` becomes `where[field]`, `field[gte]` becomes `where[field][gte]`; the names were checked against the definition. */
const filterOf = (where: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(where).map(([name, value]) => [`where${name.replace(/^[^[]+/, '[$&]')}`, value]))

export const walksOf = (manifest: Manifest) =>
  createWalks({
    manifest,
    dialect,
    maxPerPage: MAX_PER_PAGE,
    query: (asked, { fields, where }) => ({
      ...includeOf(manifest, asked),
      ...fieldsOf(manifest.get(asked.entity), asked, fields),
      ...filterOf(where),
    }),
  })
