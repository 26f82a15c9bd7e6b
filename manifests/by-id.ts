// One record by its external id: goes in a definition, comes out the path of its GET, where the API has such a one, and how to ask
// whether a row is still there.
import type { EntityDefinition } from './manifest.ts'
import type { MissingRow } from './walk.ts'

const PLACE = /\{(\w+)\}/g

/** Undefined when the API offers no GET of one record, or its path needs other ids besides the record's own. */
export const pathById = (definition: EntityDefinition, externalId: string): string | undefined =>
  definition.confirmBelow === undefined ? filled(definition.endpoints.get, { externalId, parents: {} }) : undefined

export const hasPathById = (definition: EntityDefinition): boolean => pathById(definition, 'any') !== undefined

/** `{id}` is the row's own id, `{group_id}` that of its group. Undefined when one is not known. */
const filled = (template: string | undefined, { externalId, parents }: MissingRow): string | undefined => {
  let isWhole = template !== undefined
  const path = template?.replace(PLACE, (_, name: string) => {
    const id = name === 'id' ? externalId : parents[name.replace(/_id$/, '').replaceAll('_', '-')]
    if (id === undefined) isWhole = false
    return encodeURIComponent(id ?? '')
  })
  return isWhole ? path : undefined
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
    const path = filled(endpoints.get, row)
    return path === undefined ? undefined : { path, shows: 'one' }
  }
  const parentId = row.parents[parent]
  if (parentId === undefined) return undefined
  const path = filled(endpoints.listBy?.[parent], { externalId: parentId, parents: {} })
  return path === undefined ? undefined : { path, shows: 'list' }
}

/** Whether rows of the entity can be asked after at all. */
export const canAskAfter = ({ confirmBelow, endpoints }: EntityDefinition): boolean =>
  confirmBelow !== undefined || endpoints.get !== undefined
