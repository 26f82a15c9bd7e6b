// An API that is no longer what was written down of it: its own answers, changed on their way until told otherwise. For tests of who
// looks for such a thing.
import { z } from 'zod'
import { type Answer, errorAnswer, resourceAnswer } from './answer.ts'
import type { Api, ApiAnswer } from './api.ts'
import { CATALOGUE } from './catalogue/catalogue.ts'
import { ENTITIES } from './catalogue/spec.ts'
import { listAnswer } from './plain-list.ts'
import type { Json } from './resource.ts'

const json: z.ZodType<Json, Json> = z.json()
const names = z.array(z.string())

export const driftSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('entity'),
    entity: z.enum(ENTITIES),
    /** Attributes that each record has besides, and those that it no longer has. */
    adds: z.record(z.string(), json).optional(),
    drops: names.optional(),
    /** Fields by which a list is no longer ordered or filtered, without a word. */
    ignoresOrders: names.optional(),
    ignoresFilters: names.optional(),
    /** What lists say of themselves, such as `can_order_by`. */
    meta: z.record(z.string(), json).optional(),
    /** In place of each list and each record. */
    answers: z.union([z.literal(403), z.literal(404), z.literal('web-page')]).optional(),
  }),
  /** A list that was not there before. */
  z.strictObject({
    kind: z.literal('list'),
    path: z.string().startsWith('/'),
    type: z.string(),
    attributes: z.array(z.record(z.string(), json)),
    order: names,
    query: names,
  }),
])

export type Drift = z.input<typeof driftSchema>
type EntityDrift = Extract<Drift, { kind: 'entity' }>
export type ListDrift = Extract<Drift, { kind: 'list' }>

interface Document {
  data: unknown
  included?: unknown
  meta?: Record<string, unknown>
}
interface Resource {
  type: string
  attributes: Record<string, unknown>
}

const isList = (drift: Drift): drift is ListDrift => drift.kind === 'list'

/** Its list, wherever that is, and its records. */
const isAbout = ({ entity }: EntityDrift, { pathname }: URL): boolean => {
  const { product, segment } = CATALOGUE[entity]
  return new RegExp(`^/${product}/v2/(.*/)?${segment}(/[^/]+)?$`).test(pathname)
}

const refusal = (answers: NonNullable<EntityDrift['answers']>): Answer =>
  answers === 'web-page'
    ? { status: 200, headers: { 'content-type': 'text/html' }, body: Buffer.from('<html><body>Moved</body></html>') }
    : errorAnswer(answers, [{ title: 'Refused', detail: 'A drift of the simulator' }])

const withoutIgnored = (url: URL, { ignoresOrders = [], ignoresFilters = [] }: EntityDrift): URL => {
  const asked = new URL(url)
  const order = asked.searchParams.get('order')?.replace(/^-/, '')
  if (order !== undefined && ignoresOrders.includes(order)) asked.searchParams.delete('order')
  for (const name of [...asked.searchParams.keys()]) {
    if (ignoresFilters.some((field) => name.startsWith(`where[${field}]`))) asked.searchParams.delete(name)
  }
  return asked
}

/** Records of the entity wherever they stand, included ones too. */
const edit = (document: Document, { entity, adds = {}, drops = [] }: EntityDrift): void => {
  const { type } = CATALOGUE[entity]
  // What the simulator itself has rendered.
  for (const resource of [document.data, document.included ?? []].flat() as Resource[]) {
    if (resource.type !== type) continue
    Object.assign(resource.attributes, adds)
    for (const name of drops) delete resource.attributes[name]
  }
}

const edited = ({ answer, product }: ApiAnswer, url: URL, drifts: readonly EntityDrift[]): ApiAnswer => {
  if (answer.status !== 200) return { answer, product }
  const document = JSON.parse(answer.body.toString('utf8')) as Document // the simulator's own
  for (const drift of drifts) {
    edit(document, drift)
    if (isAbout(drift, url) && document.meta !== undefined) Object.assign(document.meta, drift.meta)
  }
  return { answer: resourceAnswer(200, Buffer.from(JSON.stringify(document))), product }
}

export const drifting = (api: Api, drifts: readonly Drift[]): Api => {
  if (drifts.length === 0) return api
  const own = drifts.filter((drift) => !isList(drift))
  const lists = drifts.filter(isList)
  return {
    me: api.me,
    answer: (method, url, body) => {
      if (method !== 'GET') return api.answer(method, url, body)
      const added = lists.find(({ path }) => path === url.pathname)
      if (added !== undefined) return { answer: listAnswer(added, url), product: undefined }
      const about = own.filter((drift) => isAbout(drift, url))
      const refused = about.find(({ answers }) => answers !== undefined)?.answers
      if (refused !== undefined) return { answer: refusal(refused), product: undefined }
      return edited(api.answer(method, about.reduce(withoutIgnored, url), body), url, own)
    },
  }
}
