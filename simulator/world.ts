// Everything one simulated organisation holds, and how its rows hang together.
import { CATALOGUE } from './catalogue/catalogue.ts'
import { ENTITIES, type EntityName, type Link } from './catalogue/spec.ts'
import { Collection } from './collection.ts'
import { type Ref, type Resource, toOne } from './resource.ts'
import type { Source } from './source.ts'

/** Where a world begins: the organisation itself and one source an entity. */
export interface Origin {
  readonly organization: Resource
  readonly sources: Readonly<Record<EntityName, Source>>
}

export interface World {
  readonly organization: Resource
  readonly collections: Readonly<Record<EntityName, Collection>>
  /** Rises with every change anywhere. */
  version(): number
}

/** Rows of one entity. */
export interface Related {
  readonly entity: EntityName
  readonly rows: readonly number[]
}

export const createWorld = ({ organization, sources }: Origin): World => {
  const collections: Record<EntityName, Collection> = {
    campus: new Collection(CATALOGUE.campus, sources.campus),
    household: new Collection(CATALOGUE.household, sources.household),
    person: new Collection(CATALOGUE.person, sources.person),
    address: new Collection(CATALOGUE.address, sources.address),
    email: new Collection(CATALOGUE.email, sources.email),
    'phone-number': new Collection(CATALOGUE['phone-number'], sources['phone-number']),
    'household-membership': new Collection(CATALOGUE['household-membership'], sources['household-membership']),
    group: new Collection(CATALOGUE.group, sources.group),
    'group-membership': new Collection(CATALOGUE['group-membership'], sources['group-membership']),
    event: new Collection(CATALOGUE.event, sources.event),
    'person-merger': new Collection(CATALOGUE['person-merger'], sources['person-merger']),
  }
  const version = () => ENTITIES.reduce((sum, entity) => sum + collections[entity].version, 0)
  return { organization, collections, version }
}

/** A to-one relationship as it is shown: what was deleted is pointed to no longer. */
export const refOf = (world: World, entity: EntityName, row: number, name: string): Ref | null => {
  const collection = world.collections[entity]
  const relation = toOne(collection.relation(row, name))
  if (relation === undefined) return null
  const target = collection.spec.relationships[name]?.to
  return target !== undefined && world.collections[target].isDeleted(relation.id) ? null : relation
}

const liveRow = (world: World, entity: EntityName, ref: Ref | null): number[] => {
  const row = ref === null ? -1 : world.collections[entity].row(ref.id)
  return row < 0 ? [] : [row]
}

/** What hangs below a row by one of its links; undefined when that is not rows of ours. */
export const follow = (world: World, entity: EntityName, row: number, link: Link): Related | undefined => {
  const { spec } = world.collections[entity]
  if (link.kind === 'organization') return undefined
  if (link.kind === 'one') {
    const target = spec.relationships[link.relationship]?.to
    if (target === undefined) return undefined
    return { entity: target, rows: liveRow(world, target, refOf(world, entity, row, link.relationship)) }
  }
  const below = world.collections[link.of]
  const rows = below.children(link.by, world.collections[entity].id(row))
  if (link.kind === 'children') return { entity: link.of, rows }
  const target = below.spec.relationships[link.to]?.to
  if (target === undefined) return undefined
  return { entity: target, rows: rows.flatMap((each) => liveRow(world, target, refOf(world, link.of, each, link.to))) }
}
