// Recorded exchanges made into an organisation: every resource found in an answer, data and included, in its newest version and
// with exactly the attributes it was recorded with. Entities that were not recorded are empty.
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { messageOf, SynclineError } from '../platform/errors.ts'
import { CATALOGUE } from './catalogue/catalogue.ts'
import { ENTITIES, type EntityName, type EntitySpec } from './catalogue/spec.ts'
import { type Json, type Relation, type Resource, toOne } from './resource.ts'
import { emptySource, type Source } from './source.ts'
import type { Origin } from './world.ts'

const ref = z.object({ type: z.string(), id: z.coerce.string() })
const resource = z.object({
  type: z.string(),
  id: z.string(),
  attributes: z.record(z.string(), z.json()).default({}),
  relationships: z.record(z.string(), z.object({ data: z.union([ref, z.array(ref), z.null()]).optional() })).default({}),
  links: z.object({ self: z.string().optional() }).default({}),
})
const document = z.object({
  data: z.union([resource, z.array(resource), z.null()]).optional(),
  included: z.array(resource).default([]),
  meta: z.object({ parent: ref.optional() }).default({}),
})
const exchanges = z.array(
  z.object({
    request: z.object({ path: z.string() }),
    response: z.object({ status: z.number(), body: z.unknown() }),
  }),
)

type Recorded = z.output<typeof resource>
type Found = Map<EntityName, Map<string, Resource>>

const FIRST_ID = 1

const readExchanges = (file: string): z.output<typeof exchanges> => {
  try {
    return exchanges.parse(JSON.parse(readFileSync(file, 'utf8')))
  } catch (error) {
    const remedy = 'Give JSON files, each an array of {request: {path}, response: {status, body}}'
    throw new SynclineError('usage', `${file} does not hold recorded exchanges: ${messageOf(error)}`, { remedy, cause: error })
  }
}

/** Relationships of the catalogue; the parent that is only named in links.self too. */
const relationshipsOf = (spec: EntitySpec, { relationships, links }: Recorded): Record<string, Relation> => {
  const kept: Record<string, Relation> = {}
  for (const name of Object.keys(spec.relationships)) {
    const data = relationships[name]?.data
    if (data !== undefined) kept[name] = data
  }
  if (spec.below !== undefined && kept[spec.below.relationship] === undefined) {
    const parent = new RegExp(`/${spec.below.segment}/(\\d+)/`).exec(links.self ?? '')?.[1]
    const type = spec.relationships[spec.below.relationship]?.type
    if (parent !== undefined && type !== undefined) kept[spec.below.relationship] = { type, id: parent }
  }
  return kept
}

const isNewer = (one: Readonly<Record<string, Json>>, than: Resource | undefined): boolean =>
  than === undefined || String(one['updated_at'] ?? '') >= String(than.attributes['updated_at'] ?? '')

const collect = (found: Found, product: string | undefined, recorded: Recorded): void => {
  const entity = ENTITIES.find((name) => CATALOGUE[name].product === product && CATALOGUE[name].type === recorded.type)
  if (entity === undefined) return
  const known = found.get(entity) ?? new Map<string, Resource>()
  found.set(entity, known)
  if (!isNewer(recorded.attributes, known.get(recorded.id))) return
  const { type, id, attributes } = recorded
  known.set(id, { type, id, attributes, relationships: relationshipsOf(CATALOGUE[entity], recorded) })
}

const createRecordedSource = (resources: readonly Resource[]): Source => {
  const rows = [...resources].sort((a, b) => Number(a.id) - Number(b.id))
  const byId = new Map(rows.map(({ id }, row) => [id, row]))
  const below = new Map<string, number[]>()
  const texts = rows.map(({ attributes }) => JSON.stringify(attributes))
  for (const [row, { relationships }] of rows.entries()) {
    for (const [name, relation] of Object.entries(relationships)) {
      const key = `${name}:${toOne(relation)?.id}`
      below.set(key, [...(below.get(key) ?? []), row])
    }
  }
  const blank: Resource = { type: '', id: '', attributes: {}, relationships: {} }
  return {
    size: rows.length,
    nextId: Number(rows.at(-1)?.id ?? 0) + FIRST_ID,
    id: (row) => rows[row]?.id ?? '',
    row: (id) => byId.get(id) ?? -1,
    attribute: (row, name) => rows[row]?.attributes[name],
    writeAttributes: (row, out) => out.text(texts[row] ?? '{}'),
    relation: (row, name) => rows[row]?.relationships[name],
    resource: (row) => rows[row] ?? blank,
    children: (name, id) => below.get(`${name}:${id}`) ?? [],
  }
}

/** Reads files of exchanges. Throws `usage` for a file that cannot be read as such. */
export const readRecordings = (files: readonly string[]): Origin => {
  const found: Found = new Map()
  let organization: Resource = { type: 'Organization', id: '1', attributes: {}, relationships: {} }
  for (const { request, response } of files.flatMap(readExchanges)) {
    const read = document.safeParse(response.body)
    if (response.status >= 300 || !read.success) continue
    const { data, included, meta } = read.data
    const product = request.path.split('/')[1]
    const owner = included.find(({ type }) => type === 'Organization')
    if (owner !== undefined) organization = { ...organization, id: owner.id, attributes: owner.attributes }
    else if (meta.parent?.type === 'Organization') organization = { ...organization, id: meta.parent.id }
    for (const each of [data ?? [], included].flat()) collect(found, product, each)
  }
  const source = (entity: EntityName): Source => {
    const resources = found.get(entity)
    return resources === undefined ? emptySource(FIRST_ID) : createRecordedSource([...resources.values()])
  }
  return {
    organization,
    sources: {
      campus: source('campus'),
      household: source('household'),
      person: source('person'),
      address: source('address'),
      email: source('email'),
      'phone-number': source('phone-number'),
      'household-membership': source('household-membership'),
      group: source('group'),
      'group-membership': source('group-membership'),
      event: source('event'),
      'person-merger': source('person-merger'),
    },
  }
}
