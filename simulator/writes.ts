// Bodies of POST and PATCH made into mutations, or into the vendor's complaint about them.
import { z } from 'zod'
import { type Answer, badPayload, invalid } from './answer.ts'
import { CATALOGUE } from './catalogue/catalogue.ts'
import type { AttributeType, EntityName, EntitySpec } from './catalogue/spec.ts'
import type { Insert, Update } from './mutation.ts'
import type { Json } from './resource.ts'
import type { World } from './world.ts'

const ref = z.object({ type: z.string(), id: z.coerce.string() })
const payload = z.object({
  type: z.string(),
  attributes: z.record(z.string(), z.json()).default({}),
  relationships: z.record(z.string(), z.object({ data: z.union([ref, z.array(ref), z.null()]) })).default({}),
})

type Payload = z.output<typeof payload>
type Fields = { attributes: Record<string, Json>; relationships: Record<string, string | null>; people: string[] }

export type Read<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly answer: Answer }

const refuse = (answer: Answer): { ok: false; answer: Answer } => ({ ok: false, answer })

const parseBody = (body: string, spec: EntitySpec): Read<Payload> => {
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return refuse(badPayload('The payload given is not valid JSON.'))
  }
  const outer = z.object({ data: z.unknown() }).safeParse(value)
  if (!outer.success || outer.data.data === undefined)
    return refuse(badPayload("The payload given does not contain a 'data' key."))
  const read = payload.safeParse(outer.data.data)
  if (!read.success) return refuse(badPayload(`The payload given is not a resource: ${z.prettifyError(read.error)}`))
  if (read.data.type !== spec.type) return refuse(badPayload(`The payload given is of type ${read.data.type}, not ${spec.type}.`))
  return { ok: true, value: read.data }
}

const fits = (type: AttributeType, value: Json): boolean => {
  if (value === null || type === 'json') return true
  if (type === 'boolean') return typeof value === 'boolean'
  if (type === 'integer' || type === 'float') return value !== '' && (typeof value === 'number' || typeof value === 'string')
  if (typeof value !== 'string') return false
  return type === 'string' || !Number.isNaN(Date.parse(value))
}

/** `primary_campus_id` sets a relationship, as do the relationships of the body; `people` of a household becomes memberships. */
const fieldsOf = (
  world: World,
  spec: EntitySpec,
  { attributes, relationships }: Payload,
): { fields: Fields; problems: string[] } => {
  const fields: Fields = { attributes: {}, relationships: {}, people: [] }
  const problems: string[] = []
  const point = (name: string, id: string | null): void => {
    const target = spec.relationships[name]?.to
    if (id !== null && target !== undefined && world.collections[target].row(id) < 0) problems.push(`${name} must exist`)
    else fields.relationships[name] = id
  }
  for (const [name, value] of Object.entries(attributes)) {
    const relationship = name.replace(/_id$/, '')
    const type = spec.attributes[name]
    if (name !== relationship && spec.relationships[relationship] !== undefined)
      point(relationship, value === null ? null : String(value))
    else if (type === undefined || spec.readOnly.includes(name)) problems.push(`${name} cannot be assigned`)
    else if (!fits(type, value)) problems.push(`${name} is not a valid ${type}`)
    else fields.attributes[name] = value
  }
  for (const [name, { data }] of Object.entries(relationships)) {
    if (spec.entity === 'household' && name === 'people' && Array.isArray(data)) fields.people.push(...data.map(({ id }) => id))
    else if (spec.relationships[name] === undefined || Array.isArray(data)) problems.push(`${name} cannot be assigned`)
    else point(name, data?.id ?? null)
  }
  if (fields.people.some((id) => world.collections.person.row(id) < 0)) problems.push('people must exist')
  return { fields, problems }
}

/** Mutations that a POST asks for, that of the new record first. `given` are the relationships that its path sets. */
export const readCreation = (
  world: World,
  entity: EntityName,
  given: Readonly<Record<string, string>>,
  body: string,
): Read<Insert[]> => {
  const spec = CATALOGUE[entity]
  const parsed = parseBody(body, spec)
  if (!parsed.ok) return parsed
  const { fields, problems } = fieldsOf(world, spec, parsed.value)
  const blank = spec.required.filter((name) => (fields.attributes[name] ?? '') === '')
  problems.push(...blank.map((name) => `${name} can't be blank`))
  const relationships = { ...fields.relationships, ...given }
  const owners = Object.entries(spec.relationships).filter(([name, { owner }]) => owner === true && relationships[name] == null)
  problems.push(...owners.map(([name]) => `${name} must exist`))
  if (entity === 'household' && fields.people.length === 0) problems.push("people can't be blank")
  if (problems.length > 0) return refuse(invalid(problems))
  const id = world.collections[entity].claimId()
  const members = fields.people.map(
    (person): Insert => ({
      op: 'insert',
      entity: 'household-membership',
      relationships: { household: id, person },
    }),
  )
  return { ok: true, value: [{ op: 'insert', entity, id, attributes: fields.attributes, relationships }, ...members] }
}

export const readChange = (world: World, entity: EntityName, id: string, body: string): Read<Update> => {
  const spec = CATALOGUE[entity]
  const parsed = parseBody(body, spec)
  if (!parsed.ok) return parsed
  const { fields, problems } = fieldsOf(world, spec, parsed.value)
  const blank = spec.required.filter((name) => name in fields.attributes && (fields.attributes[name] ?? '') === '')
  problems.push(...blank.map((name) => `${name} can't be blank`))
  if (problems.length > 0) return refuse(invalid(problems))
  return { ok: true, value: { op: 'update', entity, id, attributes: fields.attributes, relationships: fields.relationships } }
}
