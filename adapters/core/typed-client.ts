// The client of one API with everything that its manifest says known to the compiler: entities, attributes, filters, orders, includes, and
// what can be created, changed or deleted. Adds to client.ts nothing but types, and what a page includes to the record it belongs to.
import type { EntityDefinition, Manifest, SourceRecord } from '../../manifests/manifest.ts'
import type { Json } from '../../manifests/walk.ts'
import { SynclineError } from '../../platform/errors.ts'
import type { Client } from './client.ts'
import type { Listing, TypedClient, Value } from './client-types.ts'
import { ApiError } from './errors.ts'

const camelCase = (name: string): string => name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** Throws ApiError('bad-response') for a record that is not what the manifest says. */
const typed = (
  definition: EntityDefinition,
  { externalId, attributes, related }: SourceRecord,
  fields: readonly string[] = Object.keys(definition.attributes.shape),
) => {
  const { entity, attributes: schema } = definition
  const bad = (what: string): ApiError => new ApiError('bad-response', `${entity} ${externalId ?? 'without an id'}: ${what}`)
  if (externalId === null || attributes === null) throw bad('the record has no id or no attributes')
  const issue = schema.safeParse(attributes).error?.issues[0]
  if (issue !== undefined) throw bad(`${issue.path.join('.')} ${issue.message}`)
  const known = Object.fromEntries(fields.map((name) => [name, attributes[name] ?? null]))
  const other = Object.fromEntries(Object.entries(attributes).filter(([name]) => !Object.hasOwn(schema.shape, name)))
  return { entity, id: externalId, attributes: known, other, related }
}

type AnyRecord = ReturnType<typeof typed>
type AnyListing = Listing<EntityDefinition, string, string> & {
  readonly parent?: { readonly entity: string; readonly id: string }
}
type AnyRelated = Readonly<Record<string, string | readonly string[] | null>>

const texts = (where: Readonly<Record<string, Value | undefined>>): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(where).flatMap(([name, value]) => (value === undefined ? [] : [[name, String(value)]])))

type AnyListed = AnyRecord & { readonly included: Readonly<Record<string, AnyRecord[]>> }

/** Records of the entity on a page, each with those of the page that point to it. */
const listedOn = (
  manifest: Manifest,
  definition: EntityDefinition,
  { include = [], fields }: AnyListing,
  page: readonly SourceRecord[],
): Iterable<AnyListed> => {
  const { entity } = definition
  const own = page.filter((record) => record.entity === entity).map((record) => typed(definition, record, fields))
  const none = () => Object.fromEntries(include.map((name): [string, AnyRecord[]] => [name, []]))
  const listed = new Map(own.map((record): [string, AnyListed] => [record.id, { ...record, included: none() }]))
  for (const record of page) {
    if (record.entity === entity) continue
    const child = manifest.get(record.entity)
    const owner = Object.entries(child.relationships).find(([, { type }]) => manifest.byType(type)?.entity === entity)?.[0] ?? ''
    const id = record.related[owner]
    const of = typeof id === 'string' ? listed.get(id) : undefined
    of?.included[child.carriedBy?.include ?? '']?.push(typed(child, record))
  }
  return listed.values()
}

const entityClient = (manifest: Manifest, client: Client, definition: EntityDefinition) => {
  const { entity, endpoints } = definition
  const one = async (record: Promise<SourceRecord>) => typed(definition, await record)
  const change = (attributes: Readonly<Record<string, Json>>, related: AnyRelated = {}) => ({ attributes, related })
  return {
    async *list({ where, ...options }: AnyListing = {}): AsyncGenerator<AnyListed, void> {
      const asked = { ...options, ...(where === undefined ? {} : { where: texts(where) }) }
      for await (const page of client.pages(entity, asked)) yield* listedOn(manifest, definition, options, page)
    },
    ...(endpoints.get !== undefined && {
      get: async (id: string, parents?: AnyRelated) => {
        const record = await client.get(entity, id, parents)
        return record === null ? null : typed(definition, record)
      },
    }),
    ...(endpoints.create !== undefined && {
      create: (attributes: Readonly<Record<string, Json>>, related?: AnyRelated) =>
        one(client.create(entity, change(attributes, related))),
    }),
    ...(endpoints.update !== undefined && {
      update: (id: string, attributes: Readonly<Record<string, Json>>, parents?: AnyRelated) =>
        one(client.update(entity, id, change(attributes, parents))),
    }),
    ...(endpoints.delete !== undefined && {
      delete: (id: string, parents?: AnyRelated) => client.delete(entity, id, parents),
    }),
  }
}

/** The client with the types of its manifest. */
export const typedClient = <const Definitions extends readonly EntityDefinition[]>(
  manifest: Manifest<Definitions>,
  client: Client,
): TypedClient<Definitions> => {
  const entities = manifest.definitions.map((definition) => [
    camelCase(definition.entity),
    entityClient(manifest, client, definition),
  ])
  if (entities.some(([name]) => name === 'close')) throw new SynclineError('internal', 'No entity may be called close')
  // Every property is made from the definition that its type is made from: what the compiler cannot follow is that they are the same.
  return { ...Object.fromEntries(entities), close: () => client.close() } as TypedClient<Definitions>
}
