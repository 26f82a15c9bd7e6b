// One resource as JSON:API bytes: attributes, relationships (with those that `include` adds) and links.
import { ENTITIES, type EntityName, type Link } from './catalogue/spec.ts'
import type { Collection } from './collection.ts'
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
  /** Without `nested` only links.self is written, as in lists; of attributes and relationships only `fields`, where they are given. */
  write(out: JsonWriter, shown: Shown, extras: readonly Extra[], nested: boolean, fields?: ReadonlySet<string>): void
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

const dataText = (refs: readonly Ref[]): string => `[${refs.map(refText).join(',')}]`

/** What the rendering of an entity needs each time, worked out once. */
interface Plan {
  readonly collection: Collection
  /** The beginning of a record up to its id. */
  readonly opening: string
  readonly relationships: readonly { readonly name: string; readonly opening: string }[]
  readonly shown: readonly { readonly name: string; readonly opening: string; readonly link: Link }[]
  readonly links: readonly { readonly name: string; readonly link: Link }[]
}

const planOf = (collection: Collection): Plan => {
  const { spec } = collection
  const opening = (name: string) => `"${name}":{"data":`
  const links = Object.entries(spec.links).map(([name, link]) => ({ name, link }))
  return {
    collection,
    opening: `{"type":"${spec.type}","id":"`,
    relationships: Object.entries(spec.relationships)
      .filter(([, { hidden }]) => hidden !== true)
      .map(([name]) => ({ name, opening: opening(name) })),
    shown: links.filter(({ name }) => spec.shownLinks.includes(name)).map((each) => ({ ...each, opening: opening(each.name) })),
    links,
  }
}

export const createRenderer = (world: World, baseUrl: string): Renderer => {
  const plans = new Map(ENTITIES.map((entity) => [entity, planOf(world.collections[entity])]))
  const planFor = (entity: EntityName): Plan => plans.get(entity) ?? planOf(world.collections[entity])

  const refTo = ({ entity, row, view }: Shown): Ref => {
    const { spec } = world.collections[entity]
    return { type: view === 'PrimaryCampus' ? view : spec.type, id: world.collections[entity].id(row) }
  }

  const extraText = (url: string, { name, refs, toOne }: Extra): string => {
    const data = toOne ? (refs[0] === undefined ? 'null' : refText(refs[0])) : dataText(refs)
    return `"${name}":{"links":{"related":"${url}/${name}"},"data":${data}}`
  }

  const relationshipsText = (
    plan: Plan,
    { entity, row }: Shown,
    url: string,
    extras: readonly Extra[],
    fields: ReadonlySet<string> | undefined,
  ): string => {
    const isLeftOut = (name: string) => extras.some((extra) => extra.name === name) || fields?.has(name) === false
    let text = ''
    for (const { name, opening } of plan.relationships) {
      if (isLeftOut(name) || plan.collection.relation(row, name) === undefined) continue
      const ref = refOf(world, entity, row, name)
      text += `${text === '' ? '' : ','}${opening}${ref === null ? 'null' : refText(ref)}}`
    }
    for (const { name, opening, link } of plan.shown) {
      if (isLeftOut(name)) continue
      const related = follow(world, entity, row, link)
      const refs = related?.rows.map((each) => refTo({ entity: related.entity, row: each, view: 'own' })) ?? []
      text += `${text === '' ? '' : ','}${opening}${dataText(refs)}}`
    }
    for (const extra of extras) text += (text === '' ? '' : ',') + extraText(url, extra)
    return text
  }

  /** A link to nothing is null, as the vendor has it. */
  const nestedLinks = (plan: Plan, { entity, row }: Shown, url: string): string =>
    plan.links
      .map(({ name, link }) => {
        const isThere = link.kind !== 'one' || (follow(world, entity, row, link)?.rows.length ?? 0) > 0
        return `"${name}":${isThere ? `"${url}/${name}"` : 'null'},`
      })
      .join('')

  const groupsPersonText = (row: number): string => {
    const { type, id } = refTo({ entity: 'person', row, view: 'groups-person' })
    return JSON.stringify({
      type,
      id,
      attributes: groupsPerson(world, row),
      links: { self: `${baseUrl}/groups/v2/people/${id}` },
    })
  }

  const writeAttributes = (out: JsonWriter, { collection }: Plan, row: number, fields: ReadonlySet<string> | undefined): void => {
    if (fields === undefined) collection.writeAttributes(row, out)
    else {
      const wanted = Object.entries(collection.resource(row).attributes).filter(([name]) => fields.has(name))
      out.text(JSON.stringify(Object.fromEntries(wanted)))
    }
  }

  const write: Renderer['write'] = (out, shown, extras, nested, fields) => {
    const { entity, row, view } = shown
    const plan = planFor(entity)
    const planted = plan.collection.planted(row)
    if (planted !== undefined) return out.text(planted)
    if (view === 'groups-person') return out.text(groupsPersonText(row))
    const opening = view === 'own' ? plan.opening : `{"type":"${view}","id":"`
    const url = baseUrl + pathOf(world, entity, row)
    out.text(`${opening}${plan.collection.id(row)}","attributes":`)
    writeAttributes(out, plan, row, fields)
    const links = nested ? nestedLinks(plan, shown, url) : ''
    out.text(`,"relationships":{${relationshipsText(plan, shown, url, extras, fields)}},"links":{${links}"self":"${url}"}}`)
  }
  return { write, refTo }
}
