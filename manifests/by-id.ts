// One record by its external id alone: goes in a definition, comes out the path of its GET, where the API has such a one.
import type { EntityDefinition } from './manifest.ts'

/** Undefined when the API offers no GET of one record, or its path needs other ids besides the record's own. */
export const pathById = ({ endpoints: { get } }: EntityDefinition, externalId: string): string | undefined => {
  const [first, other] = get?.match(/\{\w+\}/g) ?? []
  return first === '{id}' && other === undefined ? get?.replace(first, encodeURIComponent(externalId)) : undefined
}

export const hasPathById = (definition: EntityDefinition): boolean => pathById(definition, 'any') !== undefined
