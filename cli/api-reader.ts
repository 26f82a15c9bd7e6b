// Records of an API for comparing: one by id, a page at a place, a whole list; each request under the limiter and tried again by the
// adapter's error table.
import type { Adapter, ApiConnection, AuthProvider } from '../adapters/core/adapter.ts'
import { createClient } from '../adapters/core/client.ts'
import { sendWithRetry } from '../adapters/core/retry.ts'
import type { EntityDefinition, SourceRecord } from '../manifests/manifest.ts'
import { split } from '../manifests/split.ts'

export interface ReadPage {
  readonly records: ReadonlyMap<string, readonly SourceRecord[]>
  /** Records in the whole list; null: the API does not say. */
  readonly total: number | null
  readonly size: number
}

export interface ApiReader {
  /** Null: there is none. */
  one(entity: string, id: string): Promise<SourceRecord | null>
  /** A page of the list from `offset` on, with what it is to carry. */
  page(entity: string, carries: readonly string[], offset: number): Promise<ReadPage>
  /** The whole list, below a parent where one is named; carried records come after those of their page. */
  list(
    entity: string,
    how?: { carries?: readonly string[]; parent?: { entity: string; id: string } },
  ): AsyncIterable<SourceRecord>
}

/** Whether one record can be asked for by nothing but its external id, and is then told in full. */
export const isReadableById = ({ endpoints, carriedBy }: EntityDefinition): boolean =>
  carriedBy?.how !== 'derived' && endpoints.get !== undefined && endpoints.get.replace('{id}', '').indexOf('{') < 0

export const createApiReader = (
  adapter: Adapter,
  connection: ApiConnection,
  auth: AuthProvider,
  signal: AbortSignal,
): ApiReader => {
  const { manifest } = adapter
  const sending: ApiConnection = { ...connection, send: (request, options) => connection.send(request, { ...options, signal }) }
  const client = createClient({ ...adapter, open: () => sending }, { auth })
  return {
    one: (entity, id) => client.get(entity, id),
    page: (entity, carries, offset) =>
      sendWithRetry(
        sending,
        adapter.pageAt({ entity, carries }, offset),
        ({ body }) => {
          const page = adapter.parseList(entity, body)
          return { records: split(manifest, entity, carries, page.body), total: page.total, size: page.ids.length }
        },
        { auth, signal },
      ),
    list: (entity, { carries = [], parent } = {}) =>
      client.list(entity, {
        signal,
        include: carries.flatMap((name) => manifest.get(name).carriedBy?.include ?? []),
        ...(parent === undefined ? {} : { parent }),
      }),
  }
}
