// Attributes that an entity cannot be synced without: goes in a definition, come out their names, each with what needs it. Pure.
// The mapping is asked, not read: what changes an id, a reference or the version of a record that has nothing else is needed for it.
import type { EntityDefinition, SourceRecord } from './manifest.ts'

/** Of each kind that attributes have once they are validated. */
const PROBES = [1, '1', true]

/** What must not change of a record, as text. */
const essenceOf = (definition: EntityDefinition, attributes: Readonly<Record<string, unknown>>): string => {
  const references: unknown[] = []
  const bare: SourceRecord = { entity: definition.entity, externalId: null, attributes, related: {}, raw: {} }
  const record = definition.normalise?.(bare) ?? bare
  const { sourceUpdatedAt, deletedAt } = definition.canonical.map({ ...attributes, ...record.attributes }, record, {
    ref: (entity, externalId) => {
      references.push([entity, externalId ?? null])
      return null
    },
  })
  return JSON.stringify([record.externalId, record.related, references, sourceUpdatedAt, deletedAt])
}

const isEssential = (definition: EntityDefinition, name: string): boolean => {
  const nothing = Object.fromEntries(Object.keys(definition.attributes.shape).map((each) => [each, null]))
  return PROBES.some((value) => {
    try {
      return essenceOf(definition, { ...nothing, [name]: value }) !== essenceOf(definition, nothing)
    } catch {
      // Of another kind than this.
      return false
    }
  })
}

/** Its values stand in cursors and requests. An order that only the API goes by does not. */
const walkedBy = ({ paging, deltaField }: EntityDefinition): readonly string[] =>
  [paging.kind === 'keyset' ? paging.field : undefined, deltaField].filter((name) => name !== undefined)

export const neededAttributes = (definition: EntityDefinition): ReadonlyMap<string, string> => {
  const essential = Object.keys(definition.attributes.shape).filter((name) => isEssential(definition, name))
  return new Map([
    ...essential.map((name) => [name, 'is part of an id, a reference or the version of the record'] as const),
    ...walkedBy(definition).map((name) => [name, 'is what its list is walked by'] as const),
  ])
}
