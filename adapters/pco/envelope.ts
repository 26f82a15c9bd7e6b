// JSON:API as Planning Center answers it: bytes go in; a page for the paginators, or one record for `split`, comes out. Only the
// envelope is checked here; whether a record is one, `split` and the mappings decide.
import type { EntityDefinition } from '../../manifests/manifest.ts'
import { parseId } from '../../manifests/values.ts'
import type { ListPage } from '../core/adapter.ts'
import { parseAnswer } from '../core/answer.ts'
import { badResponse, type Problem } from '../core/errors.ts'
import { keyOf } from '../core/paging/keys.ts'

type JsonObject = Readonly<Record<string, unknown>>

// The one place where unknown JSON becomes an object to look into: its members stay unknown.
const asObject = (value: unknown): JsonObject | null =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as JsonObject) : null

/** Throws ApiError('bad-response') for a body that is not a JSON:API collection. */
export const parseCollection = ({ entity, attributes }: EntityDefinition, body: Buffer): ListPage => {
  const document = parseDocument(entity, body)
  const data = document['data']
  if (!Array.isArray(data)) throw badResponse(`The list of ${entity} has no array of data`)
  const resources: readonly (JsonObject | null)[] = data.map(asObject)
  const meta = asObject(document['meta'])
  return {
    ids: resources.map((resource) => parseId(resource?.['id']) ?? null),
    key: (index, field) => keyOf(attributes.shape[field], asObject(resources[index]?.['attributes'])?.[field]),
    total: totalOf(meta?.['total_count']),
    hasNext: typeof asObject(document['links'])?.['next'] === 'string' || asObject(meta?.['next']) !== null,
    canOrderBy: namesOf(meta?.['can_order_by']),
    canQueryBy: namesOf(meta?.['can_query_by']),
    body: document,
  }
}

/** Throws ApiError('bad-response') for a body that is not a JSON:API document of one record. */
export const parseSingle = (entity: string, body: Buffer): unknown => {
  const document = parseDocument(entity, body)
  if (asObject(document['data']) === null) throw badResponse(`The answer for one ${entity} has no record as its data`)
  return document
}

const parseDocument = (entity: string, body: Buffer): JsonObject => {
  const document = asObject(parseAnswer(entity, body))
  if (document === null) throw badResponse(`The answer for ${entity} is not a JSON object`)
  if (document['errors'] !== undefined) throw badResponse(`The answer for ${entity} has errors although its status says success`)
  return document
}

const totalOf = (value: unknown): number | null => (Number.isSafeInteger(value) && Number(value) >= 0 ? Number(value) : null)

const namesOf = (value: unknown): readonly string[] | null =>
  Array.isArray(value) ? value.filter((name): name is string => typeof name === 'string') : null

/** Of the body of a refusal: `{errors: [{detail, source: {parameter}}]}`; empty for anything else. */
export const parseProblems = (body: Buffer): readonly Problem[] => {
  try {
    const errors = asObject(JSON.parse(body.toString('utf8')))?.['errors']
    return Array.isArray(errors) ? errors.flatMap(problemOf) : []
  } catch {
    return []
  }
}

const problemOf = (value: unknown): readonly Problem[] => {
  const error = asObject(value)
  const detail = error?.['detail'] ?? error?.['title']
  const attribute = asObject(error?.['source'])?.['parameter']
  return typeof detail === 'string' ? [{ detail, attribute: typeof attribute === 'string' ? attribute : null }] : []
}
