// A checked registry of definitions: goes in what one API offers, comes out look-ups by name and by resource type.
import { SynclineError } from '../platform/errors.ts'
import { suggest } from '../platform/suggest.ts'
import type { Carried, DeliveryReader, EntityDefinition, Manifest } from './manifest.ts'

/** Keeps the literal types of a definition, so that names, attributes and endpoints are known to the compiler. */
export const defineEntity = <const Definition extends EntityDefinition>(definition: Definition): Definition => definition

/** Throws SynclineError('config') naming the definition and the rule when the definitions contradict each other. */
export const mkEntityManifest = <const Definitions extends readonly EntityDefinition[]>(
  adapter: string,
  definitions: Definitions,
  deliveriesOf?: (definitions: readonly EntityDefinition[]) => DeliveryReader,
): Manifest<Definitions> => {
  const names = definitions.map(({ entity }) => entity)
  const byEntity = new Map<string, EntityDefinition>(definitions.map((definition) => [definition.entity, definition]))
  const byType = typesOf(adapter, definitions)
  const problem = definitions.map((definition) => problemOf(definition, definitions)).find((found) => found !== undefined)
  if (problem !== undefined) throw contradiction(adapter, problem)

  const get = (entity: string): EntityDefinition => {
    const found = byEntity.get(entity)
    if (found !== undefined) return found
    throw new SynclineError('usage', `The manifest of ${adapter} has no entity '${entity}'`, { remedy: suggest(entity, names) })
  }
  return {
    adapter,
    definitions,
    deliveries: deliveriesOf?.(definitions) ?? null,
    // The overload narrows by name what the map holds as the general type.
    get: get as Manifest<Definitions>['get'],
    has: (entity): entity is Definitions[number]['entity'] => byEntity.has(entity),
    byType: (type) => byType.get(type),
  }
}

const contradiction = (adapter: string, problem: string): SynclineError =>
  new SynclineError('config', `The manifest of ${adapter} is wrong: ${problem}`)

/** Resource types and aliases to their definitions. */
const typesOf = (adapter: string, definitions: readonly EntityDefinition[]): ReadonlyMap<string, EntityDefinition> => {
  const byType = new Map<string, EntityDefinition>()
  for (const definition of definitions) {
    for (const type of [definition.resource.type, ...(definition.resource.aliases ?? [])]) {
      const other = byType.get(type)
      if (other !== undefined) {
        throw contradiction(adapter, `the resource type ${type} belongs to ${other.entity} and to ${definition.entity}`)
      }
      byType.set(type, definition)
    }
  }
  return byType
}

const KEBAB = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/

/** The first rule that a definition breaks, in words. */
const problemOf = (definition: EntityDefinition, all: readonly EntityDefinition[]): string | undefined => {
  const { entity, paging, carriedBy, endpoints } = definition
  const find = (name: string): EntityDefinition | undefined => all.find((other) => other.entity === name)
  if (!KEBAB.test(entity)) return `'${entity}' is not a kebab-case name`
  if (find(entity) !== definition) return `${entity} is defined twice`
  if (paging.kind === 'parents' && find(paging.parent) === undefined)
    return `${entity} is paged below ${paging.parent}, which is not defined`
  if (paging.kind === 'parents' && endpoints.listBy?.[paging.parent] === undefined)
    return `${entity} has no path below ${paging.parent}`
  if (paging.kind !== 'parents' && endpoints.list === undefined) return `${entity} has no path of a list`
  const keysetProblem = keysetProblemOf(definition)
  if (keysetProblem !== undefined) return keysetProblem
  const { mergedField, queryable } = definition
  if (mergedField !== undefined && !queryable.includes(mergedField)) return `${entity} cannot be asked for a ${mergedField}`
  const edge = definition.edges?.find(({ to }) => find(to) === undefined)
  if (edge !== undefined) return `${entity} declares an edge to ${edge.to}, which is not defined`
  return carriedBy === undefined ? undefined : carryProblemOf(entity, carriedBy, find(carriedBy.carrier))
}

/** A keyset walk orders and filters by its field; the API ignores what it does not know, so it would never end. */
const keysetProblemOf = ({ entity, paging, orderable, queryable }: EntityDefinition): string | undefined => {
  if (paging.kind === 'offset') {
    return paging.order === null || orderable.includes(paging.order)
      ? undefined
      : `${entity} cannot be ordered by ${paging.order}`
  }
  if (paging.kind === 'parents' || (orderable.includes(paging.field) && queryable.includes(paging.field))) return undefined
  return `${entity} cannot be both ordered and filtered by ${paging.field}`
}

const carryProblemOf = (entity: string, carriedBy: Carried, carrier: EntityDefinition | undefined): string | undefined => {
  if (carrier === undefined) return `${entity} is carried by ${carriedBy.carrier}, which is not defined`
  if (carrier.carriedBy !== undefined) return `${entity} is carried by ${carrier.entity}, which is itself carried`
  return carrier.includes.includes(carriedBy.include)
    ? undefined
    : `${carrier.entity} cannot include ${carriedBy.include} to carry ${entity}`
}
