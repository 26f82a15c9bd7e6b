// Whole answers: a page of a list, or one record, with what it includes and the meta that says what may be asked.
import type { EntityName, EntitySpec } from './catalogue/spec.ts'
import { JsonWriter } from './json-writer.ts'
import type { ListQuery } from './query.ts'
import { createRenderer, type Extra, type Shown, type View } from './render.ts'
import type { Ref } from './resource.ts'
import { createSelect, type Selection } from './select.ts'
import { follow, type World } from './world.ts'

/** What a list is a list of, and whose. `within` are the rows below `parent`; without it all rows are listed. */
export interface Listed {
  readonly entity: EntityName
  readonly view: View
  readonly parent: Ref
  readonly within?: readonly number[]
}

export interface Documents {
  list(listed: Listed, query: ListQuery, url: URL): Buffer
  one(shown: Shown, include: readonly string[], parent: Ref): Buffer
  organization(): Buffer
}

/** What is included by name of the include, each row once, in the order in which it is met. */
type Included = ReadonlyMap<string, Map<number, Shown | 'organization'>>

const emptyIncluded = (names: readonly string[]): Included => new Map(names.map((name) => [name, new Map()]))

/** A link of a page: keys sorted, brackets bare, as the vendor writes them. */
const pageUrl = (baseUrl: string, url: URL, offset?: number): string => {
  const parameters = new URLSearchParams(url.search)
  if (offset !== undefined) parameters.set('offset', String(offset))
  parameters.sort()
  const query = [...parameters].map(([name, value]) => `${name}=${encodeURIComponent(value)}`).join('&')
  return `${baseUrl}${url.pathname}${query === '' ? '' : `?${query}`}`
}

const PLURAL = new Set(['field_data', 'lists', 'person_apps', 'platform_notifications', 'service_times', 'social_profiles'])

export const createDocuments = (world: World, baseUrl: string): Documents => {
  const select = createSelect(world)
  const renderer = createRenderer(world, baseUrl)
  const out = new JsonWriter()
  const { organization } = world
  const organizationRef: Ref = { type: organization.type, id: organization.id }

  const viewOf = (entity: EntityName, name: string): View => {
    if (name === 'primary_campus') return 'PrimaryCampus'
    return entity === 'group-membership' && name === 'person' ? 'groups-person' : 'own'
  }

  /** The relationship that including `name` adds to a record; what it points to is put among the included. */
  const include = (spec: EntitySpec, row: number, name: string, included: Included): Extra => {
    const link = spec.links[name]
    if (link === undefined) return { name, refs: [], toOne: !PLURAL.has(name) }
    if (link.kind === 'organization') {
      included.get(name)?.set(-1, 'organization')
      return { name, refs: [organizationRef], toOne: true }
    }
    const related = follow(world, spec.entity, row, link)
    const view = viewOf(spec.entity, name)
    const refs = (related?.rows ?? []).map((each) => {
      const shown: Shown = { entity: related?.entity ?? spec.entity, row: each, view }
      included.get(name)?.set(each, shown)
      return renderer.refTo(shown)
    })
    return { name, refs, toOne: link.kind === 'one' }
  }

  const writeOrganization = (): void =>
    out.text(
      JSON.stringify({
        type: organization.type,
        id: organization.id,
        attributes: organization.attributes,
        links: { self: `${baseUrl}/people/v2` },
      }),
    )

  const writeIncluded = (included: Included): void => {
    out.text(',"included":[')
    let comma = ''
    for (const rows of included.values()) {
      for (const shown of rows.values()) {
        out.text(comma)
        if (shown === 'organization') writeOrganization()
        else renderer.write(out, shown, [], false)
        comma = ','
      }
    }
    out.text(']')
  }

  const writeData = ({ entity, view }: Listed, rows: readonly number[], { include: names, fields }: ListQuery): Included => {
    const { spec } = world.collections[entity]
    const included = emptyIncluded(names)
    out.text(',"data":[')
    for (let at = 0; at < rows.length; at++) {
      const row = rows[at] ?? 0
      if (at > 0) out.text(',')
      const extras = names.map((name) => include(spec, row, name, included))
      renderer.write(out, { entity, row, view }, extras, false, fields)
    }
    out.text(']')
    return included
  }

  const metaOf = ({ entity, parent, within }: Listed, { total, rows }: Selection, next?: number, prev?: number) => {
    const { spec, overcount } = world.collections[entity]
    return {
      total_count: within === undefined ? total + overcount : total,
      count: rows.length,
      ...(prev === undefined ? {} : { prev: { offset: prev } }),
      ...(next === undefined ? {} : { next: { offset: next } }),
      can_order_by: spec.order,
      can_query_by: spec.query,
      can_include: spec.include,
      ...(spec.filter === undefined ? {} : { can_filter: spec.filter }),
      parent,
    }
  }

  const list: Documents['list'] = (listed, query, url) => {
    const selection = select(listed.entity, query, listed.within)
    const end = query.offset + selection.rows.length
    const next = query.perPage === 0 ? 0 : end < selection.total ? end : undefined
    const prev = query.offset > 0 ? Math.max(0, query.offset - query.perPage) : undefined
    const links = {
      self: pageUrl(baseUrl, url),
      ...(prev === undefined ? {} : { prev: pageUrl(baseUrl, url, prev) }),
      ...(next === undefined ? {} : { next: pageUrl(baseUrl, url, next) }),
    }
    out.clear()
    out.text(`{"links":${JSON.stringify(links)}`)
    const included = writeData(listed, selection.rows, query)
    writeIncluded(included)
    out.text(`,"meta":${JSON.stringify(metaOf(listed, selection, next, prev))}}`)
    return out.take()
  }

  const one: Documents['one'] = (shown, names, parent) => {
    const { spec } = world.collections[shown.entity]
    const included = emptyIncluded(names)
    const extras = names.map((name) => include(spec, shown.row, name, included))
    out.clear()
    out.text('{"data":')
    renderer.write(out, shown, extras, true)
    writeIncluded(included)
    out.text(`,"meta":${JSON.stringify({ can_include: spec.include, parent })}}`)
    return out.take()
  }

  const organizationDocument: Documents['organization'] = () => {
    out.clear()
    out.text('{"data":')
    writeOrganization()
    out.text(`,"included":[],"meta":${JSON.stringify({ parent: organizationRef })}}`)
    return out.take()
  }
  return { list, one, organization: organizationDocument }
}
