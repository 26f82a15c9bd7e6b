// A path of the API made into what it stands for: the organisation, a list, or one record. Undefined is a 404.
import { CATALOGUE } from './catalogue/catalogue.ts'
import { ENTITIES, type EntityName, type Link, type Product } from './catalogue/spec.ts'
import type { Listed } from './documents.ts'
import type { Shown, View } from './render.ts'
import type { Ref } from './resource.ts'
import { follow, refOf, type World } from './world.ts'

/** Where a POST to this path adds a record, and the relationships that the path sets. */
export interface Creation {
  readonly entity: EntityName
  readonly relationships: Readonly<Record<string, string>>
}

export type Target =
  | { readonly kind: 'organization'; readonly product: Product }
  | { readonly kind: 'list'; readonly product: Product; readonly listed: Listed; readonly creates: Creation | undefined }
  | { readonly kind: 'one'; readonly product: Product; readonly shown: Shown; readonly parent: Ref }

interface Root {
  readonly entity: EntityName
  readonly view: View
  readonly links: Readonly<Record<string, Link>>
}

/** Groups shows people too, with what they are in. They are not listed there by us. */
const groupsPeople: Root = {
  entity: 'person',
  view: 'groups-person',
  links: {
    groups: { kind: 'through', of: 'group-membership', by: 'person', to: 'group' },
    memberships: { kind: 'children', of: 'group-membership', by: 'person' },
  },
}

const ROOTS: ReadonlyMap<string, Root> = new Map([
  ...ENTITIES.map((entity) => CATALOGUE[entity])
    .filter((spec) => spec.below === undefined)
    .map(({ entity, product, segment, links }): [string, Root] => [`${product}/${segment}`, { entity, view: 'own', links }]),
  ['groups/people', groupsPeople],
])

/** What a POST to the list below a record creates; only lists of rows that belong to it take one. */
const createsBelow = (parent: EntityName, id: string, link: Link): Creation | undefined => {
  if (link.kind !== 'children') return undefined
  const { createBelow, below, methods } = CATALOGUE[link.of]
  const isOwner = createBelow === parent || below?.relationship === link.by
  return isOwner && methods.includes('POST') ? { entity: link.of, relationships: { [link.by]: id } } : undefined
}

const createsAtTop = (entity: EntityName): Creation | undefined => {
  const { methods, createBelow } = CATALOGUE[entity]
  return methods.includes('POST') && createBelow === undefined ? { entity, relationships: {} } : undefined
}

export const createRouter = (world: World) => {
  const organization: Ref = { type: world.organization.type, id: world.organization.id }

  const nestedOne = (entity: EntityName, row: number, product: Product, link: Link & { kind: 'one' }): Target | undefined => {
    const related = follow(world, entity, row, link)
    const found = related?.rows[0]
    if (related === undefined || found === undefined) return undefined
    const view = link.relationship === 'primary_campus' ? 'PrimaryCampus' : product === 'groups' ? 'groups-person' : 'own'
    const shown: Shown = { entity: related.entity, row: found, view: related.entity === 'group' ? 'own' : view }
    return { kind: 'one', product, shown, parent: organization }
  }

  const below = (root: Root, row: number, product: Product, name: string): Target | undefined => {
    const link = root.links[name]
    if (link === undefined) return undefined
    if (link.kind === 'organization') return { kind: 'organization', product }
    if (link.kind === 'one') return nestedOne(root.entity, row, product, link)
    const related = follow(world, root.entity, row, link)
    if (related === undefined) return undefined
    const { spec } = world.collections[root.entity]
    const id = world.collections[root.entity].id(row)
    const view = product === 'groups' && related.entity === 'person' ? 'groups-person' : 'own'
    const listed: Listed = { entity: related.entity, view, parent: { type: spec.type, id }, within: related.rows }
    return { kind: 'list', product, listed, creates: createsBelow(root.entity, id, link) }
  }

  /** A record whose only address is below its parent. */
  const oneBelow = (list: Target | undefined, id: string): Target | undefined => {
    if (list?.kind !== 'list') return undefined
    const { entity, parent, view } = list.listed
    const { below: home } = CATALOGUE[entity]
    const row = world.collections[entity].row(id)
    if (home === undefined || row < 0 || refOf(world, entity, row, home.relationship)?.id !== parent.id) return undefined
    return { kind: 'one', product: list.product, shown: { entity, row, view }, parent }
  }

  return (pathname: string): Target | undefined => {
    const [, product, version, segment, id, name, nestedId, tooLong] = pathname.split('/')
    if ((product !== 'people' && product !== 'groups') || version !== 'v2' || tooLong !== undefined) return undefined
    if (segment === undefined || segment === '') return { kind: 'organization', product }
    const root = ROOTS.get(`${product}/${segment}`)
    if (root === undefined) return undefined
    if (id === undefined || id === '') {
      if (root === groupsPeople) return undefined
      const listed: Listed = { entity: root.entity, view: root.view, parent: organization }
      return { kind: 'list', product, listed, creates: createsAtTop(root.entity) }
    }
    const row = world.collections[root.entity].row(id)
    if (row < 0) return undefined
    if (name === undefined || name === '') {
      return { kind: 'one', product, shown: { entity: root.entity, row, view: root.view }, parent: organization }
    }
    const list = below(root, row, product, name)
    return nestedId === undefined || nestedId === '' ? list : oneBelow(list, nestedId)
  }
}

export type Router = ReturnType<typeof createRouter>
