// A page's parsed body to the records of each entity on it. The fetcher counts with it what the processor maps, so it is pure,
// deterministic, and never throws: whatever cannot be a record becomes one without an id, hence a dead letter.
import type { CarriedDerived, EntityDefinition, IncludedLookup, Manifest, SourceRecord } from './manifest.ts'
import { parseId } from './values.ts'

type JsonObject = Readonly<Record<string, unknown>>

// The one place where unknown JSON becomes an object to look into: its members stay unknown.
const asObject = (value: unknown): JsonObject | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null

/** A collection, one record (GET by id), or nothing. */
const resourcesOf = (data: unknown): readonly unknown[] => {
  if (Array.isArray(data)) return data
  return data === null || data === undefined ? [] : [data]
}

const idsOf = (data: unknown): string | readonly string[] | null => {
  if (!Array.isArray(data)) return parseId(asObject(data)?.['id']) ?? null
  return data.flatMap((item: unknown) => parseId(asObject(item)?.['id']) ?? [])
}

const relatedOf = (relationships: JsonObject | null, names: readonly string[]): SourceRecord['related'] => {
  const related: Record<string, string | readonly string[] | null> = {}
  if (relationships === null) return related
  for (const name of names) {
    const data = asObject(relationships[name])?.['data']
    if (data !== undefined) related[name] = idsOf(data)
  }
  return related
}

/** Turns a resource into a record of the definition; made once per page, because the names are looked up only then. */
const recordMaker = (definition: EntityDefinition): ((raw: unknown) => SourceRecord) => {
  const { entity } = definition
  const names = Object.keys(definition.relationships)
  const plain = (raw: unknown): SourceRecord => {
    const resource = asObject(raw)
    return {
      entity,
      externalId: parseId(resource?.['id']) ?? null,
      attributes: asObject(resource?.['attributes']),
      related: relatedOf(asObject(resource?.['relationships']), names),
      raw,
    }
  }
  const normalise = definition.normalise?.bind(definition)
  return normalise === undefined ? plain : (raw) => normalise(plain(raw))
}

/** `included` by type and id; built only when a derivation asks for the first one. */
const lookupIn = (included: readonly unknown[]): IncludedLookup => {
  let index: Map<string, JsonObject> | undefined
  const build = (): Map<string, JsonObject> => {
    const built = new Map<string, JsonObject>()
    for (const resource of included.map(asObject)) {
      const attributes = asObject(resource?.['attributes'])
      if (attributes !== null) built.set(`${resource?.['type']}/${resource?.['id']}`, attributes)
    }
    return built
  }
  return (type, id) => {
    index ??= build()
    return index.get(`${type}/${id}`)
  }
}

interface Taking {
  readonly make: (raw: unknown) => SourceRecord
  readonly into: SourceRecord[]
}

/** Resource type (aliases too) to where its records go. */
const takersOf = (definitions: readonly EntityDefinition[], into: (entity: string) => SourceRecord[]): Map<string, Taking> => {
  const takers = new Map<string, Taking>()
  for (const definition of definitions) {
    const taking = { make: recordMaker(definition), into: into(definition.entity) }
    for (const type of [definition.resource.type, ...(definition.resource.aliases ?? [])]) takers.set(type, taking)
  }
  return takers
}

/**
 * Hands out what is included; gives back what says of no type that it is. Each may be a record of any carried entity, so none is
 * passed over; what is of another type was not asked for.
 */
const takeIncluded = (included: readonly unknown[], takers: ReadonlyMap<string, Taking>): readonly unknown[] => {
  if (takers.size === 0) return []
  return included.filter((raw) => {
    const type = asObject(raw)?.['type']
    const taking = typeof type === 'string' ? takers.get(type) : undefined
    if (taking !== undefined) taking.into.push(taking.make(raw))
    return typeof type !== 'string' || type === ''
  })
}

const untyped = (entity: string, raw: unknown): SourceRecord => ({
  entity,
  externalId: null,
  attributes: null,
  related: {},
  raw,
  isUntyped: true,
})

/**
 * Records of the walked entity (the page's data, then what is included without a type) and of each entity it carries, each in the
 * order of the page; every key is there.
 * Nothing is deduplicated: a record's position is its index in receipts and landings.
 * Throws SynclineError('usage') only when the manifest lacks an entity named here.
 */
export const split = (
  manifest: Manifest,
  entity: string,
  carries: readonly string[],
  body: unknown,
): ReadonlyMap<string, readonly SourceRecord[]> => {
  const definition = manifest.get(entity)
  const page = asObject(body)
  const data = page?.['data'] ?? definition.recordsIn?.(body)
  const included = resourcesOf(page?.['included'])
  const carried = carries.map((name) => manifest.get(name))
  const walked = resourcesOf(data).map(recordMaker(definition))

  const records = new Map([[entity, walked], ...carries.map((name): [string, SourceRecord[]] => [name, []])])
  const into = (name: string): SourceRecord[] => records.get(name) ?? []
  const nobodys = takeIncluded(
    included,
    takersOf(
      carried.filter(({ carriedBy }) => carriedBy?.how === 'included'),
      into,
    ),
  )

  const lookup = lookupIn(included)
  for (const { entity: name, carriedBy } of carried) {
    if (carriedBy?.how === 'derived') takeDerived(walked, carriedBy, lookup, into(name))
  }
  for (const raw of nobodys) walked.push(untyped(entity, raw))
  return records
}

const takeDerived = (
  carriers: readonly SourceRecord[],
  by: CarriedDerived,
  lookup: IncludedLookup,
  into: SourceRecord[],
): void => {
  for (const carrier of carriers) into.push(...by.derive(carrier, lookup))
}

/** Number of records per entity: what the receipt of the page says. */
export const countRecords = (records: ReadonlyMap<string, readonly SourceRecord[]>): Readonly<Record<string, number>> =>
  Object.fromEntries([...records].map(([entity, of]) => [entity, of.length]))
