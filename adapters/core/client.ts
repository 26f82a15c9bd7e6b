// An adapter used alone: lists, reads and writes records with the same walks, checks and retries that a sync uses. Needs neither
// Kafka nor PostgreSQL nor Redis. Holds one page in memory.

import type { EntityDefinition, SourceRecord } from '../../manifests/manifest.ts'
import { split } from '../../manifests/split.ts'
import { isSynclineError, SynclineError } from '../../platform/errors.ts'
import { suggest } from '../../platform/suggest.ts'
import type { Adapter, ApiRequest, ApiResponse, ConnectionOptions, RecordChange } from './adapter.ts'
import { isApiError, isNotCarriedOut } from './errors.ts'
import { type ListOptions, listPages } from './list.ts'
import { type RetryOptions, sendWithRetry } from './retry.ts'

export interface ClientOptions extends ConnectionOptions, Pick<RetryOptions, 'permit' | 'observe' | 'random' | 'retries'> {}

type Related = NonNullable<RecordChange['related']>

export interface Client {
  /** Records in the order of the walk, each at least once; once unless rows move while it is walked. Throws ApiError. */
  list(entity: string, options?: ListOptions): AsyncIterable<SourceRecord>
  /** The same, page by page. */
  pages(entity: string, options?: ListOptions): AsyncIterable<readonly SourceRecord[]>
  /** Null when there is none (404 or 410). `related`: ids of the parents whose path it is below. */
  get(entity: string, id: string, related?: Related): Promise<SourceRecord | null>
  /** Not repeated when it is unknown whether the vendor carried it out. */
  create(entity: string, change: Omit<RecordChange, 'id'>): Promise<SourceRecord>
  update(entity: string, id: string, change: Omit<RecordChange, 'id'>): Promise<SourceRecord>
  /** False when it was gone already; of one that is gone after an answer was lost, true: it was most likely we. */
  delete(entity: string, id: string, related?: Related): Promise<boolean>
  close(): Promise<void>
}

/** Unknown entities and names are SynclineError('usage') with the nearest valid ones. */
export const createClient = (adapter: Adapter, options: ClientOptions): Client => {
  const { permit, observe, random, retries, ...connectionOptions } = options
  const connection = adapter.open(connectionOptions)
  const retry: RetryOptions = {
    auth: options.auth,
    ...(permit && { permit }),
    ...(observe && { observe }),
    ...(random && { random }),
    ...(retries !== undefined && { retries }),
  }

  const send = <T>(request: ApiRequest, read: (response: ApiResponse) => T, signal?: AbortSignal): Promise<T> =>
    sendWithRetry(connection, request, read, { ...retry, ...(signal && { signal }) })
  const readOne = (entity: string) => (response: ApiResponse) =>
    recordIn(adapter, entity, adapter.parseOne(entity, response.body))
  const get: Client['get'] = async (entity, id, related) => {
    const path = pathFor(adapter.manifest.get(entity), 'get', { ...parentIds(related), id })
    return unlessGone(send({ method: 'GET', path, query: {} }, readOne(entity)), null)
  }

  const pages: Client['pages'] = (entity, listOptions = {}) => listPages(adapter, send, entity, listOptions)

  return {
    async *list(entity, listOptions) {
      for await (const page of pages(entity, listOptions)) yield* page
    },
    pages,
    get,
    create: async (entity, change) => {
      const definition = adapter.manifest.get(entity)
      checkWritable(definition, change)
      const path = pathFor(definition, 'create', parentIds(change.related))
      return send(
        { method: 'POST', path, query: {}, body: adapter.encode(entity, besides(definition.endpoints.create, change)) },
        readOne(entity),
      )
    },
    update: async (entity, id, change) => {
      const definition = adapter.manifest.get(entity)
      checkWritable(definition, change)
      const path = pathFor(definition, 'update', { ...parentIds(change.related), id })
      const method = definition.endpoints.update?.method ?? 'PATCH'
      return send(
        { method, path, query: {}, body: adapter.encode(entity, { ...besides(definition.endpoints.update?.path, change), id }) },
        readOne(entity),
      )
    },
    delete: async (entity, id, related) => {
      const path = pathFor(adapter.manifest.get(entity), 'delete', { ...parentIds(related), id })
      let maybeDone = false
      const remembering: typeof connection = {
        ...connection,
        send: (request, how) =>
          connection.send(request, how).catch((error: unknown) => {
            maybeDone ||= isApiError(error) && error.kind !== 'gone' && !isNotCarriedOut(error)
            throw error
          }),
      }
      const sent = sendWithRetry(remembering, { method: 'DELETE', path, query: {} }, () => true, retry)
      return (await unlessGone(sent, false)) || maybeDone
    },
    close: () => connection.close(),
  }
}

const recordIn = (adapter: Adapter, entity: string, body: unknown): SourceRecord => {
  const record = split(adapter.manifest, entity, [], body).get(entity)?.[0]
  if (record === undefined) throw new SynclineError('internal', `The parsed answer for one ${entity} has no record`)
  return record
}

const unlessGone = async <T, U>(answer: Promise<T>, otherwise: U): Promise<T | U> => {
  try {
    return await answer
  } catch (error) {
    if (isSynclineError(error, 'gone')) return otherwise
    throw error
  }
}

/** A record made below a parent names it in its relationships: `{person_id}` of the path is the relationship `person`. */
const parentIds = (related: Related = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(related).flatMap(([name, id]) => (typeof id === 'string' ? [[`${name}_id`, id]] : [])))

/** Without the parents that the path names: a vendor may not let them be set twice. */
const besides = (path = '', change: Omit<RecordChange, 'id'>): Omit<RecordChange, 'id'> => ({
  ...change,
  related: Object.fromEntries(Object.entries(change.related ?? {}).filter(([name]) => !path.includes(`{${name}_id}`))),
})

/** A vendor may take an unknown name without a word. */
const checkWritable = ({ entity, writable = [] }: EntityDefinition, { attributes }: Omit<RecordChange, 'id'>): void => {
  const unknown = Object.keys(attributes).find((name) => !writable.includes(name))
  if (unknown === undefined) return
  throw new SynclineError('usage', `'${unknown}' of ${entity} cannot be written`, { remedy: suggest(unknown, writable) })
}

type Action = 'get' | 'create' | 'update' | 'delete'

const pathFor = ({ entity, endpoints }: EntityDefinition, action: Action, ids: Readonly<Record<string, string>>): string => {
  const endpoint = endpoints[action]
  const template = typeof endpoint === 'object' ? endpoint.path : endpoint
  if (template === undefined) {
    const offered = (['get', 'create', 'update', 'delete'] as const).filter((name) => endpoints[name] !== undefined)
    throw new SynclineError('usage', `The API offers no ${action} of ${entity}`, {
      remedy: `It offers: ${offered.join(', ') || 'none'}`,
    })
  }
  return template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const id = ids[name]
    if (id === undefined)
      throw new SynclineError('usage', `${action} of ${entity} needs ${name.replace(/_id$/, '')} among the relationships`)
    return encodeURIComponent(id)
  })
}
