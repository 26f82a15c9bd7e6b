// What a new version of a schema may not do under FULL_TRANSITIVE: every version must read the records of every other. Pure; used to
// say which field and which rule when a registry refuses a schema, because its own answer names one or neither.
import { z } from 'zod'

/** Of a foreign or older version only this much is read. */
const versionSchema = z.looseObject({
  name: z.string(),
  namespace: z.string().optional(),
  fields: z.array(z.looseObject({ name: z.string(), type: z.unknown(), default: z.unknown().optional() })),
})

type Version = z.infer<typeof versionSchema>
type Field = Version['fields'][number]

export interface SchemaChange {
  readonly field: string
  readonly rule: string
}

/** Changes of `newer` against `older` that FULL compatibility forbids; an empty list says nothing about other kinds of schema. */
export const forbiddenChanges = (older: unknown, newer: unknown): readonly SchemaChange[] => {
  const [from, to] = [versionSchema.safeParse(older), versionSchema.safeParse(newer)]
  if (!from.success || !to.success) return []
  const [before, after] = [fieldsOf(from.data), fieldsOf(to.data)]
  return [
    ...renamed(from.data, to.data),
    ...[...after.values()].filter(({ name }) => !before.has(name)).flatMap(added),
    ...[...before.values()].filter(({ name }) => !after.has(name)).flatMap(removed),
    ...[...after.values()].flatMap((field) => retyped(before.get(field.name), field)),
  ]
}

const fieldsOf = ({ fields }: Version): ReadonlyMap<string, Field> => new Map(fields.map((field) => [field.name, field]))

const fullName = ({ name, namespace }: Version): string => (namespace === undefined ? name : `${namespace}.${name}`)

const renamed = (before: Version, after: Version): readonly SchemaChange[] =>
  fullName(before) === fullName(after)
    ? []
    : [{ field: fullName(after), rule: `the record was renamed; it was ${fullName(before)}` }]

const hasDefault = (field: Field): boolean => Object.hasOwn(field, 'default')

const added = (field: Field): readonly SchemaChange[] =>
  hasDefault(field) ? [] : [{ field: field.name, rule: 'added without a default, which records of earlier versions would need' }]

const removed = (field: Field): readonly SchemaChange[] =>
  hasDefault(field)
    ? []
    : [{ field: field.name, rule: 'removed without a default, which readers of earlier versions would need' }]

const retyped = (before: Field | undefined, after: Field): readonly SchemaChange[] => {
  const [from, to] = [shapeOf(before?.type ?? after.type), shapeOf(after.type)]
  return from === to ? [] : [{ field: after.name, rule: `its type changed from ${from} to ${to}` }]
}

/** A type without its annotations (logical type, doc); members of a union in any order. */
const shapeOf = (type: unknown): string => {
  if (typeof type === 'string') return type
  if (Array.isArray(type)) return type.map(shapeOf).sort().join('|')
  const inner = z
    .looseObject({ type: z.unknown(), values: z.unknown().optional(), items: z.unknown().optional() })
    .safeParse(type)
  if (!inner.success) return JSON.stringify(type)
  const { type: kind, values, items } = inner.data
  if (kind === 'map') return `map<${shapeOf(values)}>`
  return kind === 'array' ? `array<${shapeOf(items)}>` : shapeOf(kind)
}
