// One resource as JSON:API bytes: attributes, relationships (with those that `include` adds) and links.
import type { EntityName, Link } from './catalogue/spec.ts'
import type { JsonWriter } from './json-writer.ts'
import type { Json, Ref } from './resource.ts'
import { follow, refOf, type World } from './world.ts'

/** How a row is shown: as itself, as the alias that a person's primary campus has, or as Groups shows a person. */
export type View = 'own' | 'PrimaryCampus' | 'groups-person'

export interface Shown {
  readonly entity: EntityName
  readonly row: number
  readonly view: View
}

/** A relationship that an answer adds to a record because it was asked to include it. */
export interface Extra {
  readonly name: string
  readonly refs: readonly Ref[]
  readonly toOne: boolean
}

export interface Renderer {
  /** Without `nested` only links.self is written, as in lists. */
  write(out: JsonWriter, shown: Shown, extras: readonly Extra[], nested: boolean): void
  /** Type and id of a row in a view. */
  refTo(shown: Shown): Ref
}

/** The path of a record; those that live below another have it in the path. */
export const pathOf = (world: World, entity: EntityName, row: number): string => {
  const { spec } = world.collections[entity]
  const id = world.collections[entity].id(row)
  if (spec.below === undefined) return `/${spec.product}/v2/${spec.segment}/${id}`
  const parent = refOf(world, entity, row, spec.below.relationship)?.id ?? '0'
  return `/${spec.product}/v2/${spec.below.segment}/${parent}/${spec.segment}/${id}`
}

export interface ApiRecord {
  readonly type: string
  readonly id: string
  readonly attributes: Readonly<Record<string, Json>>
  readonly relationships: Readonly<Record<string, { readonly data: Ref | readonly Ref[] | null }>>
}

/** A row as the API shows it, links left out, and with the relationships that the API shows only in links. */
export const apiForm = (world: World, entity: EntityName, row: number): ApiRecord => {
  const { spec } = world.collections[entity]
  const { type, id, attributes, relationships: given } = world.collections[entity].resource(row)
  const relationships: Record<string, { data: Ref | readonly Ref[] | null }> = {}
  for (const name of Object.keys(spec.relationships)) {
    if (given[name] !== undefined) relationships[name] = { data: refOf(world, entity, row, name) }
  }
  for (const name of spec.shownLinks) {
    const related = spec.links[name] === undefined ? undefined : follow(world, entity, row, spec.links[name])
    const target = related && world.collections[related.entity]
    relationships[name] = {
      data: related?.rows.map((each) => ({ type: target?.spec.type ?? '', id: target?.id(each) ?? '' })) ?? [],
    }
  }
  return { type, id, attributes, relationships }
}

const refText = ({ type, id }: Ref): string => `{"type":"${type}","id":"${id}"}`

/** A person as the Groups product shows it, with its contact data inside. */
const groupsPerson = (world: World, row: number): Json => {
  const people = world.collections.person
  const id = people.id(row)
  const contacts = (entity: 'address' | 'email' | 'phone-number', names: readonly string[]): Json => {
    const collection = world.collections[entity]
    const pick = (each: number) => Object.fromEntries(names.map((name) => [name, collection.attribute(each, name) ?? null]))
    return collection.children('person', id).map(pick)
  }
  return {
    addresses: contacts('address', ['city', 'location', 'primary', 'state', 'street_line_1', 'street_line_2', 'zip']),
    avatar_url: people.attribute(row, 'avatar') ?? null,
    child: people.attribute(row, 'child') ?? null,
    created_at: people.attribute(row, 'created_at') ?? null,
    email_addresses: contacts('email', ['address', 'location', 'primary']),
    first_name: people.attribute(row, 'first_name') ?? null,
    last_name: people.attribute(row, 'last_name') ?? null,
    permissions: 'member',
    phone_numbers: contacts('phone-number', ['number', 'location', 'primary']),
  }
}

const isToMany = (link: Link | undefined): boolean => link?.kind === 'children' || link?.kind === 'through'

export const createRenderer = (world: World, baseUrl: string): Renderer => {
  const refTo = ({ entity, row, view }: Shown): Ref => {
    const { spec } = world.collections[entity]
    return { type: view === 'PrimaryCampus' ? view : spec.type, id: world.collections[entity].id(row) }
  }

  const writeExtra = (out: JsonWriter, url: string, { name, refs, toOne }: Extra): void => {
    const data = toOne ? (refs[0] === undefined ? 'null' : refText(refs[0])) : `[${refs.map(refText).join(',')}]`
    out.text(`"${name}":{"links":{"related":"${url}/${name}"},"data":${data}}`)
  }

  const writeRelationships = (out: JsonWriter, { entity, row }: Shown, url: string, extras: readonly Extra[]): void => {
    const { spec } = world.collections[entity]
    const added = new Set(extras.map(({ name }) => name))
    let comma = ''
    for (const [name, { hidden }] of Object.entries(spec.relationships)) {
      if (hidden === true || added.has(name) || world.collections[entity].relation(row, name) === undefined) continue
      const ref = refOf(world, entity, row, name)
      out.text(`${comma}"${name}":{"data":${ref === null ? 'null' : refText(ref)}}`)
      comma = ','
    }
    for (const name of spec.shownLinks) {
      if (added.has(name)) continue
      const related = spec.links[name] === undefined ? undefined : follow(world, entity, row, spec.links[name])
      const refs = related?.rows.map((each) => refText(refTo({ entity: related.entity, row: each, view: 'own' }))) ?? []
      out.text(`${comma}"${name}":{"data":[${refs.join(',')}]}`)
      comma = ','
    }
    for (const extra of extras) {
      out.text(comma)
      writeExtra(out, url, extra)
      comma = ','
    }
  }

  const writeLinks = (out: JsonWriter, { entity, row }: Shown, url: string, nested: boolean): void => {
    const { spec } = world.collections[entity]
    if (nested) {
      for (const [name, link] of Object.entries(spec.links)) {
        const there = link.kind === 'organization' || isToMany(link) || (follow(world, entity, row, link)?.rows.length ?? 0) > 0
        out.text(`"${name}":${there ? `"${url}/${name}"` : 'null'},`)
      }
    }
    out.text(`"self":"${url}"}`)
  }

  const write: Renderer['write'] = (out, shown, extras, nested) => {
    const collection = world.collections[shown.entity]
    const planted = collection.planted(shown.row)
    if (planted !== undefined) return out.text(planted)
    if (shown.view === 'groups-person') {
      const { type, id } = refTo(shown)
      const self = { self: `${baseUrl}/groups/v2/people/${id}` }
      return out.text(JSON.stringify({ type, id, attributes: groupsPerson(world, shown.row), links: self }))
    }
    const { type, id } = refTo(shown)
    const url = baseUrl + pathOf(world, shown.entity, shown.row)
    out.text(`{"type":"${type}","id":"${id}","attributes":`)
    collection.writeAttributes(shown.row, out)
    out.text(',"relationships":{')
    writeRelationships(out, shown, url, extras)
    out.text('},"links":{')
    writeLinks(out, shown, url, nested)
    out.text('}')
  }
  return { write, refTo }
}
