// What Planning Center Online documents of each resource: attributes with types, keys for order, where and include, methods.
// The words of the catalogue. The entries are written apart from the manifests on purpose: a mistake there must not be repeated here.

export const ENTITIES = [
  'campus',
  'household',
  'person',
  'address',
  'email',
  'phone-number',
  'household-membership',
  'group',
  'group-membership',
  'event',
  'person-merger',
] as const

export type EntityName = (typeof ENTITIES)[number]
export type Product = 'people' | 'groups'
export type AttributeType = 'string' | 'boolean' | 'integer' | 'float' | 'date' | 'date_time' | 'json'

/** A to-one relationship. `owner`: the row is deleted with what it points to. `hidden`: known, but only shown in links.self. */
export interface RelationshipSpec {
  readonly type: string
  readonly to?: EntityName
  readonly owner?: true
  readonly hidden?: true
}

/** What hangs below a resource: a nested path, mostly also a key of `include`. */
export type Link =
  | { readonly kind: 'children'; readonly of: EntityName; readonly by: string }
  | { readonly kind: 'through'; readonly of: EntityName; readonly by: string; readonly to: string }
  | { readonly kind: 'one'; readonly relationship: string }
  | { readonly kind: 'organization' }

export interface EntitySpec {
  readonly entity: EntityName
  readonly product: Product
  readonly type: string
  /** Path segment under the product, or under the parent when `below` names one. */
  readonly segment: string
  readonly below?: { readonly segment: string; readonly relationship: string }
  readonly attributes: Readonly<Record<string, AttributeType>>
  /** Attributes that a body may not set. */
  readonly readOnly: readonly string[]
  readonly required: readonly string[]
  readonly relationships: Readonly<Record<string, RelationshipSpec>>
  /** To-many relationships shown in every rendering. */
  readonly shownLinks: readonly string[]
  readonly links: Readonly<Record<string, Link>>
  readonly include: readonly string[]
  readonly order: readonly string[]
  readonly query: readonly string[]
  readonly filter?: readonly string[]
  /** Methods on one record; creation is at the list, or at `createBelow` under a person. */
  readonly methods: readonly ('POST' | 'PATCH' | 'DELETE')[]
  readonly createBelow?: EntityName
}

type Typed = Partial<Record<AttributeType, string>>

export const typed = (groups: Typed): Record<string, AttributeType> =>
  Object.fromEntries(
    Object.entries(groups).flatMap(([type, names]) => words(names).map((name) => [name, type as AttributeType])), // keys of Typed
  )

export const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '')

/** Every person belongs to the rows below it. */
export const ofPerson = { person: { type: 'Person', to: 'person', owner: true } } as const
export const STAMPS = ['created_at', 'updated_at']
