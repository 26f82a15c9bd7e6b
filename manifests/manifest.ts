// The manifest language: what an API offers, one definition per entity. Everything else (graph, plan, walks, mapping) follows from it.
import type { z } from 'zod'

/** One record as the API sent it, taken out of its page by `split`. */
export interface SourceRecord {
  readonly entity: string
  /** Null when the record has no usable id: it becomes a dead letter. */
  readonly externalId: string | null
  /** Null when the record has none or they are not an object: it becomes a dead letter, never a row of nulls. */
  readonly attributes: Readonly<Record<string, unknown>> | null
  /** Relationship name to the id(s) it points to; null where the API says "none"; absent where it says nothing. */
  readonly related: Readonly<Record<string, string | readonly string[] | null>>
  /** The record as received: the bytes of a dead letter are made from it. */
  readonly raw: unknown
  /** It stands in the page's `included` and does not say of what type it is: it becomes a dead letter of the page's own entity. */
  readonly isUntyped?: true
}

export type EdgeKind = 'hard' | 'soft' | 'cut'

export interface Relationship {
  /** Resource types as the API names them, e.g. `Person`; aliases are resolved by the definitions. */
  readonly type: string
  readonly cardinality: 'one' | 'many'
  /** hard: cannot exist without. soft (default for `one`): better first. cut: misleads, no edge; `many` makes no edge. */
  readonly edge?: EdgeKind
  readonly reason?: string
}

/** An edge that the relationships do not show. */
interface DeclaredEdge {
  readonly to: string
  readonly kind: 'hard' | 'soft'
  readonly reason: string
}

export type Paging =
  /** A field that can be both ordered and filtered: a walk that survives rows moving. */
  | { readonly kind: 'keyset'; readonly field: string }
  /** One chain of offsets; `mutable` orders can shift under the walk and are swept until proven. */
  | { readonly kind: 'offset'; readonly order: string | null; readonly mutable: boolean }
  /** Only reachable below a parent: one chain per parent id. */
  | { readonly kind: 'parents'; readonly parent: string }

/** Attributes of a record that stands in the page's `included`; undefined when it does not. */
export type IncludedLookup = (type: string, id: string) => Readonly<Record<string, unknown>> | undefined

interface CarriedBase {
  readonly carrier: string
  /** Value of the `include` parameter that makes the carrier's page carry this entity. */
  readonly include: string
}

interface CarriedIncluded extends CarriedBase {
  /** Its records stand in the page's `included`. */
  readonly how: 'included'
}

export interface CarriedDerived extends CarriedBase {
  /** Its records are made from one of the carrier's. Pure, and never throws: the counts of receipts come from it. */
  readonly how: 'derived'
  /** Attributes that stand in another entity's record under another name, and obey its field rules. */
  readonly copies?: Readonly<Record<string, { readonly entity: string; readonly attribute: string }>>
  derive(carrier: SourceRecord, included: IncludedLookup): readonly SourceRecord[]
}

export type Carried = CarriedIncluded | CarriedDerived

/** What a mapping may ask for. Pure: same record, same answer. */
export interface MappingContext {
  /** Canonical id (UUIDv5) of another entity's record of the same organisation and source; null for no id. */
  ref(entity: string, externalId: string | null | undefined): string | null
}

/** The entity's own canonical fields (camelCase, as in its .avsc): dates as days since 1970, times as ms since 1970. */
export type CanonicalFields = Readonly<Record<string, string | number | boolean | null>>

export interface Mapped {
  readonly fields: CanonicalFields
  /** The vendor's updated_at in ms since 1970, null where the entity has none. */
  readonly sourceUpdatedAt: number | null
  /** The record says that the row is gone since then, in ms since 1970: its fields are those of a tombstone. */
  readonly deletedAt?: number
}

export type StrategyMethod = 'walk' | 'keyset' | 'walk-down' | 'full-and-hash' | 'by-parent' | 'carried' | 'events' | 'none'

export interface EntityDefinition<Attributes extends z.ZodObject = z.ZodObject> {
  /** kebab-case, unique in the manifest. */
  readonly entity: string
  readonly module: string
  readonly resource: { readonly type: string; readonly aliases?: readonly string[] }
  readonly endpoints: {
    readonly list?: string
    /** Parent entity to the path below it, with `{id}` for the parent's id. */
    readonly listBy?: Readonly<Record<string, string>>
    readonly get?: string
    readonly create?: string
    readonly update?: { readonly method: 'PATCH' | 'PUT'; readonly path: string }
    readonly delete?: string
  }
  readonly attributes: Attributes
  /** Names that a request may set, where the API takes any. */
  readonly writable?: readonly string[]
  readonly relationships: Readonly<Record<string, Relationship>>
  readonly edges?: readonly DeclaredEdge[]
  readonly includes: readonly string[]
  readonly orderable: readonly string[]
  readonly queryable: readonly string[]
  readonly paging: Paging
  readonly carriedBy?: Carried
  readonly deltaField?: string
  /** For how long the API can be asked for changes; absent: without end. */
  readonly changesKeptDays?: number
  /**
   * The parent whose list, read below it, says whether a row is still there: where the external id is not the id that the API asks
   * for. Absent: a row is asked for by its id.
   */
  readonly confirmBelow?: string
  /** Of an entity that says of rows of another that they were merged: the field by which it can be asked for one of them. */
  readonly mergedField?: string
  readonly webhooks: readonly string[]
  readonly strategies: Readonly<Record<'full' | 'delta' | 'reconcile' | 'webhook', StrategyMethod>>
  /**
   * What the records of a page without `data` are, or the record of an answer for one: parts of the parsed body as they are, so that the
   * bytes of a dead letter are found. Absent: pages are JSON:API. Pure, and never throws.
   */
  recordsIn?(body: unknown): unknown
  /** Brings a record of a page into the form that identity and mapping expect. Pure, and never throws. */
  normalise?(record: SourceRecord): SourceRecord
  readonly canonical: {
    /** Another one's, where records say something of another entity's rows: `split` and the ledger know them under their own name. */
    readonly entity: string
    /** Raised when the mapping changes its output: part of a row's version (invariant 5). */
    readonly revision: number
    /** `attributes` are the record's, validated and converted by the definition's schema. */
    map(attributes: z.output<Attributes>, record: SourceRecord, context: MappingContext): Mapped
  }
}

interface Told {
  readonly event: string
  readonly entity: string
  /** The delivery as parsed: the bytes of a dead letter are found by it. */
  readonly raw: unknown
}

/** One event of a webhook's body. */
export type ToldEvent =
  /** `document` is as the API answers for one record: for `split`. */
  | (Told & { readonly kind: 'changed' | 'removed'; readonly document: unknown })
  /** Something happened to these, and the payload does not say what they are now. */
  | (Told & { readonly kind: 'ask'; readonly externalIds: readonly string[] })
  | (Told & { readonly kind: 'broken'; readonly reason: string })
  | { readonly kind: 'unknown'; readonly event: string | null; readonly raw: unknown; readonly reason: string }

export interface DeliveryReader {
  /** Names of the events that are worth a subscription. */
  readonly events: readonly string[]
  /** Of a parsed body; pure, and never throws. */
  read(body: unknown): readonly ToldEvent[]
  /** The accounts at the vendor that a parsed body says it is of. */
  accounts(body: unknown): readonly string[]
  /**
   * The body with each document as `change` gives it back, for field rules; the same object where none changes. What cannot be read is
   * left out. `entity`: of what event it is; null: the manifest does not know it.
   */
  rewrite(body: unknown, change: (entity: string | null, document: unknown) => unknown): unknown
}

export type EntityName<Definitions extends readonly EntityDefinition[]> = Definitions[number]['entity']

export interface Manifest<Definitions extends readonly EntityDefinition[] = readonly EntityDefinition[]> {
  readonly adapter: string
  readonly definitions: Definitions
  /** Null: the API has no webhooks. */
  readonly deliveries: DeliveryReader | null
  /** Throws SynclineError('usage') naming the nearest valid names. */
  get<Name extends EntityName<Definitions>>(entity: Name): Extract<Definitions[number], { readonly entity: Name }>
  get(entity: string): EntityDefinition
  has(entity: string): entity is EntityName<Definitions>
  /** Entity of a resource type or alias; undefined when the manifest does not have it. */
  byType(type: string): EntityDefinition | undefined
}
