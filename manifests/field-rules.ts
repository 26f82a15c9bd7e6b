// Field rules of one organisation and API, applied to parsed documents: values of attributes that must not be held are dropped, hashed or
// masked; all else stays the same value. Pure, and never throws.
// Must hold: what says of no known type that it is falls under every rule, and a condition that cannot be read holds.
import { SynclineError } from '../platform/errors.ts'
import { printExactJson } from '../platform/exact-json.ts'
import { type FieldRule, kindOf, problemOfRule } from './field-rule.ts'
import type { Manifest } from './manifest.ts'
import { parseDay } from './values.ts'

type JsonObject = Readonly<Record<string, unknown>>

export interface FieldRules {
  /** `document`: a page or an answer for one record of the entity; null: of nobody knows what. The same object where nothing changes. */
  apply(entity: string | null, document: unknown): unknown
}

/** A rule, ready: what stands in place of a value that is not null. */
interface Ready extends Pick<FieldRule, 'attribute' | 'when'> {
  instead(value: unknown): JsonObject
}

export const MASK = '***'
const YEAR_DIGITS = 4

// The one place where unknown JSON becomes an object to look into: its members stay unknown.
const asObject = (value: unknown): JsonObject | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null

const maskedDay = (value: unknown): string | null =>
  typeof value === 'string' && parseDay(value) !== undefined ? `${value.slice(0, YEAR_DIGITS)}-01-01` : null

const readyOf = (manifest: Manifest, { entity, attribute, action, when }: FieldRule, hash: (text: string) => string): Ready => {
  const kind = kindOf(manifest.get(entity), attribute)
  const hashed = (value: unknown) => hash(typeof value === 'string' ? value : printExactJson(value))
  const instead = {
    drop: () => ({}),
    mask: (value: unknown) => ({ [attribute]: kind === 'day' ? maskedDay(value) : MASK }),
    hash: (value: unknown) => ({ [kind === 'text' ? attribute : `${attribute}_hash`]: hashed(value) }),
  }[action]
  return { attribute, when, instead }
}

/** What is derived from an attribute obeys its rule on its own pages too, whatever the condition: those do not tell whether it holds. */
const withCopies = (manifest: Manifest, rules: readonly FieldRule[]): readonly FieldRule[] => {
  const copies = manifest.definitions.flatMap(({ entity, carriedBy }) =>
    carriedBy?.how === 'derived'
      ? Object.entries(carriedBy.copies ?? {}).map(([attribute, from]) => ({ entity, attribute, from }))
      : [],
  )
  const derived = copies.flatMap(({ entity, attribute, from }) =>
    rules
      .filter((rule) => rule.entity === from.entity && rule.attribute === from.attribute)
      .map(({ action }) => ({ entity, attribute, action, when: null })),
  )
  return [...rules, ...derived]
}

const ruledAttributes = (rules: readonly Ready[], attributes: JsonObject): JsonObject => {
  const applying = new Map<string, Ready>()
  for (const rule of rules) {
    const { attribute, when } = rule
    const isThere = Object.hasOwn(attributes, attribute) && attributes[attribute] !== null
    if (isThere && !applying.has(attribute) && (when === null || attributes[when] !== false)) applying.set(attribute, rule)
  }
  if (applying.size === 0) return attributes
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) => {
      const rule = applying.get(name)
      return rule === undefined ? [[name, value] as const] : Object.entries(rule.instead(value))
    }),
  )
}

const BARE = ['type', 'id', 'relationships', 'links']

/** What is no record as documented may have a value anywhere: it keeps what names it. */
const bare = (resource: JsonObject): JsonObject => {
  const { attributes } = resource
  const isBare =
    (attributes === null || attributes === undefined) &&
    Object.keys(resource).every((key) => [...BARE, 'attributes'].includes(key))
  return isBare ? resource : Object.fromEntries(Object.entries(resource).filter(([key]) => BARE.includes(key)))
}

const ruledResource = (rules: readonly Ready[], raw: unknown): unknown => {
  if (rules.length === 0) return raw
  const resource = asObject(raw)
  if (resource === null) return null
  const attributes = asObject(resource['attributes'])
  if (attributes === null) return bare(resource)
  const ruled = ruledAttributes(rules, attributes)
  return ruled === attributes ? raw : { ...resource, attributes: ruled }
}

/** One or many of them; the same value where none changes. */
const mapResources = (data: unknown, change: (raw: unknown) => unknown): unknown => {
  if (!Array.isArray(data)) return data === null || data === undefined ? data : change(data)
  const changed = data.map(change)
  return changed.some((each, n) => each !== data[n]) ? changed : data
}

/**
 * `hash` is keyed, and asked for strings only. Rules for entities that the manifest does not have are another API's; undefined: none is
 * left. Throws SynclineError('config') for a rule that this version of the manifest cannot obey.
 */
export const compileFieldRules = (
  manifest: Manifest,
  stored: readonly FieldRule[],
  hash: (text: string) => string,
): FieldRules | undefined => {
  const own = stored.filter(({ entity }) => manifest.has(entity))
  if (own.length === 0) return undefined
  for (const rule of own) {
    const problem = problemOfRule(manifest, rule)
    if (problem === undefined) continue
    throw new SynclineError('config', `A field rule cannot be obeyed: ${problem.message}`, { remedy: problem.remedy })
  }
  const byEntity = new Map<string, Ready[]>()
  for (const rule of withCopies(manifest, own))
    byEntity.set(rule.entity, [...(byEntity.get(rule.entity) ?? []), readyOf(manifest, rule, hash)])
  const all = [...byEntity.values()].flat()

  const ofType = (raw: unknown): readonly Ready[] => {
    const type = asObject(raw)?.['type']
    const definition = typeof type === 'string' ? manifest.byType(type) : undefined
    return definition === undefined ? all : (byEntity.get(definition.entity) ?? [])
  }
  const ofEntity = (entity: string, raw: unknown): readonly Ready[] => [...(byEntity.get(entity) ?? []), ...ofType(raw)]

  return {
    apply: (entity, document) => {
      const page = asObject(document)
      if (page === null) return document
      const data = mapResources(page['data'], (raw) => ruledResource(entity === null ? ofType(raw) : ofEntity(entity, raw), raw))
      const included = mapResources(page['included'], (raw) => ruledResource(ofType(raw), raw))
      const isSame = data === page['data'] && included === page['included']
      return isSame ? document : { ...page, ...('data' in page && { data }), ...('included' in page && { included }) }
    },
  }
}
