// How an API speaks, as the fetcher and the stand-alone client see it. Knows nothing of Kafka, PostgreSQL or Redis.
import type { DocumentedResource } from '../../manifests/draft.ts'
import type { Manifest } from '../../manifests/manifest.ts'
import type { Json, RangeSpec, WalkSpec } from '../../manifests/walk.ts'
import type { WebhookDialect } from './webhooks.ts'

export interface ApiRequest {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'PUT' | 'DELETE'
  /** Path below the connection's base URL; never a URL of the vendor's (cursors are followed, not URLs). */
  readonly path: string
  readonly query: Readonly<Record<string, string>>
  readonly body?: Json
}

/** What the vendor's headers said about its limit. */
export interface RateObservation {
  readonly limit?: number
  readonly periodMs?: number
  readonly count?: number
  readonly retryAfterMs?: number
}

export interface ApiResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  /** The body as received, decompressed, at most the connection's cap. */
  readonly body: Buffer
  readonly rate: RateObservation
}

export interface SendOptions {
  readonly signal?: AbortSignal
  /** Total time for connect, headers and body. */
  readonly timeoutMs?: number
}

export interface ApiConnection {
  /**
   * Sends once; no retry inside. Resolves for 2xx. Otherwise throws an ApiError (errors.ts): its kind says whether to retry, and it
   * carries the status and rate observation when there was a response. An aborted `signal` rejects with its own reason.
   */
  send(request: ApiRequest, options?: SendOptions): Promise<ApiResponse>
  /** Lets requests under way end, then gives the sockets back. */
  close(): Promise<void>
}

/** Credentials for one connection; headers are asked for before every request. */
export interface AuthProvider {
  headers(): Promise<Readonly<Record<string, string>>>
  /** Before a permit is asked for: whatever takes time, such as refreshing a token that is about to expire, is done here. */
  prepare?(): Promise<void>
  /** Told of a 401, with the headers that it answers. */
  refused?(headers: Readonly<Record<string, string>>): void
  /** After a 401: true when new headers are worth one more try. */
  refresh(): Promise<boolean>
}

/** How accounts are connected by OAuth 2. Paths are below the base URL. */
export interface OAuthApi {
  readonly authorizePath: string
  readonly tokenPath: string
  /** What a sync needs, separated by blanks. */
  readonly scope: string
  /** Whether it takes PKCE with S256. */
  readonly pkce: boolean
}

/** Whose a credential is, by the vendor's own ids. */
export interface Owner {
  /** Whose records it brings. */
  readonly account: string
  /** Whom the vendor's limit counts by, within the account. */
  readonly user: string
}

export interface Identity {
  readonly request: ApiRequest
  /** Null: the answer does not say. Throws SynclineError('bad-response') when it is none of the API's. */
  read(body: Buffer): Owner | null
}

/** One page as the paginators see it. Throws SynclineError('bad-response') when the body is not the API's documented envelope. */
export interface ListPage {
  /** Records of the walked entity in the order received. */
  readonly ids: readonly (string | null)[]
  /**
   * A field's value as the API spells it; null: the record has none. Undefined: it has one that the manifest cannot read: the record
   * will be a dead letter, and does not say where in the order it stands.
   */
  key(index: number, field: string): string | null | undefined
  readonly total: number | null
  readonly hasNext: boolean
  readonly canOrderBy: readonly string[] | null
  readonly canQueryBy: readonly string[] | null
  /** The parsed body, for `split`. */
  readonly body: unknown
}

export interface WalkStep {
  /** Where to go on; null: the walk of this range is at its end. */
  readonly next: Json | null
  /** Records of the walked entity that are not repetitions of the seam. */
  readonly fresh: number
  /** The vendor's total for the *unfiltered* collection; null when this request was filtered or says nothing. */
  readonly total: number | null
  /** Set when rows moved under an offset walk (the seam did not repeat). */
  readonly drifted: boolean
}

/** A walk over one range: pure, no effects. `perPage` is lowered by the fetcher when a response was too large. */
export interface Walk {
  readonly start: Json
  request(cursor: Json): ApiRequest
  /** Throws SynclineError('bad-response') when the API ignored the filter or order, or the cursor does not advance. */
  advance(cursor: Json, page: ListPage): WalkStep
  /** The same position with half as many records a page; null when it asks for one already. */
  halve(cursor: Json): Json | null
  /** The position after the one record that cannot be received (per_page is 1 and it is above the cap); null: it was the last. */
  skip(cursor: Json): Json
  /**
   * The answer was 404 or 410 (code 'gone') for a list below a parent or for one record by its id: zero records, go on at the next
   * one; null: that was the last. Not there for other walks: for them 'gone' is an error.
   */
  readonly skipGone: ((cursor: Json) => Json | null) | null
  /** Of a walk that asks after rows which may be gone: the row, and whether the answer is it alone or a list that has it. */
  readonly asksAfter?: (cursor: Json) => { readonly externalId: string; readonly shows: 'one' | 'list' }
}

/** What a caller asks of the pages of a walk; names were checked against the definition. */
export interface PageOptions {
  /** A field, or one with an operator, to a value. Not for keyset walks, which filter by themselves and prove themselves by totals. */
  readonly where?: Readonly<Record<string, string>>
  /** Attributes that are wanted. More may come. */
  readonly fields?: readonly string[]
  /** Of a list below a parent; of others the walk says it. */
  readonly order?: string
  /** At least 1; more than the vendor allows is as many as it allows. */
  readonly perPage?: number
}

/** What a record is to have; relationships by name, as `SourceRecord.related` has them. */
export interface RecordChange {
  readonly id?: string
  readonly attributes: Readonly<Record<string, Json>>
  readonly related?: Readonly<Record<string, string | readonly string[] | null>>
}

export interface Adapter {
  readonly name: string
  readonly manifest: Manifest
  readonly baseUrl: string
  /** The vendor's documented limit per credential; headers may change it. */
  readonly limit: { readonly requests: number; readonly periodMs: number }
  /** Records of a page at most. */
  readonly pageSize: number
  /** Null: the API has no webhooks. */
  readonly webhooks: WebhookDialect | null
  /** Not there: accounts are connected by a fixed credential only. */
  readonly oauth?: OAuthApi
  /** Asks whose a credential is, at the price of one request. Not there: the API does not tell, and accounts are not told apart. */
  readonly identity?: Identity
  /** Of a fixed credential as `org add` takes it; throws SynclineError('config') when it is not of the form that the API gives out. */
  auth(credential: string): AuthProvider
  open(options: ConnectionOptions): ApiConnection
  walk(spec: RangeSpec, options?: PageOptions): Walk
  /** Parses a 2xx list body; throws SynclineError('bad-response'). */
  parseList(entity: string, body: Buffer): ListPage
  /** Parses a 2xx body of one record, for `split`; throws SynclineError('bad-response'). */
  parseOne(entity: string, body: Buffer): unknown
  /** The body of a request that creates (no id) or updates a record. */
  encode(entity: string, change: RecordChange): Json
  /** Splits an unsplit keyset range after its first page into `parts` ranges; the first goes on where the walk stands. */
  splitRange(spec: WalkSpec & { kind: 'keyset' }, page: ListPage, now: Date, parts: number): readonly WalkSpec[]
  /** One page of the list, from `offset` records on, as large as the API allows, in the API's own order. */
  pageAt(spec: Pick<RangeSpec, 'entity' | 'carries'>, offset: number): ApiRequest
  /** What the vendor documents, with resources that the manifest lacks. Not there: nobody has written it down. */
  catalogue?(): readonly DocumentedResource[]
  /** The same API, with other definitions. */
  over(manifest: Manifest): Adapter
  /** Cheapest authenticated request; used by `sync` and `check` to tell URL, network, auth and permission problems apart. */
  probe(entity: string): ApiRequest
}

export interface ConnectionOptions {
  readonly baseUrl?: string
  readonly auth: AuthProvider
  readonly timeoutMs?: number
  readonly maxBodyBytes?: number
  readonly userAgent?: string
  /** Vendor settings such as API versions, by name. */
  readonly settings?: Readonly<Record<string, string>>
}
