// The query of a list request, read as the vendor reads it: keys that a resource does not have are passed over in silence.
import type { EntitySpec } from './catalogue/spec.ts'

const DEFAULT_PER_PAGE = 25
const MAX_PER_PAGE = 100

export type Operator = 'eq' | 'gt' | 'gte' | 'lt' | 'lte'

export interface Condition {
  readonly key: string
  readonly operator: Operator
  readonly value: string
}

export interface ListQuery {
  /** 0 to 100. With 0 the vendor answers an empty page whose next one begins at 0, for ever. */
  readonly perPage: number
  readonly offset: number
  readonly order: { readonly key: string; readonly descending: boolean } | undefined
  readonly conditions: readonly Condition[]
  readonly include: readonly string[]
  /** Attributes and relationships that are wanted; undefined: all. */
  readonly fields: ReadonlySet<string> | undefined
}

const OPERATORS: ReadonlySet<string> = new Set(['gt', 'gte', 'lt', 'lte'])

const isRange = (text: string): text is Operator => OPERATORS.has(text)

const count = (text: string | null, otherwise: number): number =>
  text !== null && /^\d+$/.test(text) ? Math.min(Number(text), Number.MAX_SAFE_INTEGER) : otherwise

const readOrder = (text: string | null, spec: EntitySpec): ListQuery['order'] => {
  if (text === null) return undefined
  const descending = text.startsWith('-')
  const key = descending ? text.slice(1) : text
  return spec.order.includes(key) ? { key, descending } : undefined
}

const readCondition = (name: string, value: string, spec: EntitySpec): Condition[] => {
  const [, key, operator] = /^where\[([^\]]+)\](?:\[([^\]]+)\])?$/.exec(name) ?? []
  if (key === undefined || !spec.query.includes(key)) return []
  if (operator === undefined) return [{ key, operator: 'eq', value }]
  return isRange(operator) ? [{ key, operator, value }] : []
}

export const includesOf = (parameters: URLSearchParams, spec: EntitySpec): string[] => {
  const names = (parameters.get('include') ?? '').split(',')
  return [...new Set(names)].filter((name) => spec.include.includes(name))
}

/** JSON:API's sparse fieldset of the listed type. */
const fieldsOf = (text: string | null): ListQuery['fields'] => (text === null ? undefined : new Set(text.split(',')))

export const readQuery = (parameters: URLSearchParams, spec: EntitySpec): ListQuery => ({
  perPage: Math.min(MAX_PER_PAGE, count(parameters.get('per_page'), DEFAULT_PER_PAGE)),
  offset: count(parameters.get('offset'), 0),
  order: readOrder(parameters.get('order'), spec),
  conditions: [...parameters].flatMap(([name, value]) => readCondition(name, value, spec)),
  include: includesOf(parameters, spec),
  fields: fieldsOf(parameters.get(`fields[${spec.type}]`)),
})
