// One record by its external id: goes in a definition, comes out the path of its GET, where the API has such a one, and how to ask
// whether a row is still there.
import type { EntityDefinition } from './manifest.ts'
import type { MissingRow } from './walk.ts'

const PLACE = /\{(\w+)\}/g

/** Undefined when the API offers no GET of one record, or its path needs an id that is not among `parents`, such as `group_id`. */
export const pathById = (
  { confirmBelow, endpoints }: EntityDefinition,
  externalId: string,
  parents: Readonly<Record<string, string>> = {},
): string | undefined => (confirmBelow === undefined ? filled(endpoints.get, { ...parents, id: externalId }) : undefined)

export const hasPathById = (definition: EntityDefinition): boolean => pathById(definition, 'any') !== undefined

/** Undefined when an id that the path needs is not known. */
const filled = (template: string | undefined, ids: Readonly<Record<string, string>>): string | undefined => {
  const isKnown = [...(template?.matchAll(PLACE) ?? [])].every(([, name]) => Object.hasOwn(ids, name ?? ''))
  return isKnown ? template?.replace(PLACE, (_, name: string) => encodeURIComponent(ids[name] ?? '')) : undefined
}

/** `{id}` is the row's own id, `{group_id}` that of its group. */
const idsOf = ({ externalId, parents }: MissingRow): Readonly<Record<string, string>> => {
  const ofParents = Object.entries(parents).map(([entity, id]) => [`${entity.replaceAll('-', '_')}_id`, id])
  return { ...Object.fromEntries(ofParents), id: externalId }
}

/** A request that tells whether a row is still there: it shows the row alone, or a list that has it. */
export interface Asking {
  readonly path: string
  readonly shows: 'one' | 'list'
}

/** Undefined: the API cannot be asked for it. */
export const askingAfter = (definition: EntityDefinition, row: MissingRow): Asking | undefined => {
  const { confirmBelow: parent, endpoints } = definition
  if (parent === undefined) {
    const path = filled(endpoints.get, idsOf(row))
    return path === undefined ? undefined : { path, shows: 'one' }
  }
  const parentId = row.parents[parent]
  if (parentId === undefined) return undefined
  const path = filled(endpoints.listBy?.[parent], { id: parentId })
  return path === undefined ? undefined : { path, shows: 'list' }
}

/** Whether rows of the entity can be asked after at all. */
export const canAskAfter = ({ confirmBelow, endpoints }: EntityDefinition): boolean =>
  confirmBelow !== undefined || endpoints.get !== undefined
