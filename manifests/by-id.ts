// One record by its external id alone: goes in a definition, comes out the path of its GET, where the API has such a one.
import type { EntityDefinition } from './manifest.ts'

/** Undefined when the API offers no GET of one record, or its path needs an id that is not among `parents`, such as `group_id`. */
export const pathById = (
  { endpoints: { get } }: EntityDefinition,
  externalId: string,
  parents: Readonly<Record<string, string>> = {},
): string | undefined => {
  const ids: Readonly<Record<string, string>> = { ...parents, id: externalId }
  const isKnown = get?.match(/(?<=\{)\w+(?=\})/g)?.every((name) => Object.hasOwn(ids, name)) === true
  return isKnown ? get?.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(ids[name] ?? '')) : undefined
}

export const hasPathById = (definition: EntityDefinition): boolean => pathById(definition, 'any') !== undefined
