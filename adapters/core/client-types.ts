// What the compiler is to know of a client, worked out from the definitions of a manifest: records, and what may be asked of each entity.
import type { z } from 'zod'
import type { EntityDefinition } from '../../manifests/manifest.ts'

/** `group-membership` as a property: `groupMembership`. */
export type CamelCase<Name extends string> = Name extends `${infer Head}-${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : Name

/** As the API sends them: text, numbers, booleans; dates as `YYYY-MM-DD`, times as ISO 8601. Null: the API says nothing of it. */
export type Attributes<D extends EntityDefinition> = {
  readonly [Name in keyof z.input<D['attributes']>]-?: Exclude<z.input<D['attributes']>[Name], undefined>
}

/** Ids by relationship; absent where the API says nothing. */
export type Related<D extends EntityDefinition> = {
  readonly [Name in keyof D['relationships']]?:
    | (D['relationships'][Name]['cardinality'] extends 'many' ? readonly string[] : string)
    | null
}

/** Names of the attributes. */
type Field<D extends EntityDefinition> = keyof Attributes<D> & string

export interface TypedRecord<D extends EntityDefinition, Fields extends Field<D> = Field<D>> {
  readonly entity: D['entity']
  readonly id: string
  readonly attributes: Pick<Attributes<D>, Fields>
  /** Attributes that the manifest does not know, as received. */
  readonly other: Readonly<Record<string, unknown>>
  readonly related: Related<D>
}

type CarriedBy<All extends EntityDefinition, D extends EntityDefinition> = Extract<
  All,
  { readonly carriedBy: { readonly carrier: D['entity'] } }
>

type IncludeOf<C extends EntityDefinition> = NonNullable<C['carriedBy']>['include']

/** What pages of an entity can bring besides. */
export type Include<All extends EntityDefinition, D extends EntityDefinition> = IncludeOf<CarriedBy<All, D>>

type IncludedAs<C extends EntityDefinition, Name extends string> = C extends { readonly carriedBy: { readonly include: Name } }
  ? TypedRecord<C>
  : never

/** With what was asked to be included. */
export type Listed<
  All extends EntityDefinition,
  D extends EntityDefinition,
  Names extends string,
  Fields extends Field<D>,
> = TypedRecord<D, Fields> & {
  readonly included: { readonly [Name in Names]: readonly IncludedAs<CarriedBy<All, D>, Name>[] }
}

type Comparison = 'gt' | 'gte' | 'lt' | 'lte'
export type Value = string | number | boolean

/** A field, or one with an operator (`created_at[gte]`), to a value. */
export type Where<D extends EntityDefinition> = {
  readonly [Name in D['queryable'][number] | `${D['queryable'][number]}[${Comparison}]`]?: Value
}

/** A field; `-field` is descending. */
export type Order<D extends EntityDefinition> = D['orderable'][number] | `-${D['orderable'][number]}`

type Parents<D extends EntityDefinition> = NonNullable<D['endpoints']['listBy']>

type Below<D extends EntityDefinition> = {
  readonly [Parent in keyof Parents<D>]: { readonly entity: Parent; readonly id: string }
}[keyof Parents<D>]

export interface Listing<D extends EntityDefinition, Names extends string, Fields extends string> {
  /** Narrows the list. */
  readonly where?: Where<D>
  readonly order?: Order<D>
  /** Records that come on the same pages, each with the record it belongs to. */
  readonly include?: readonly Names[]
  /** The attributes that records are to have; default: all. `related` and `other` may then be empty. */
  readonly fields?: readonly Fields[]
  /** Records a request, from 1 on; default, and at most: as many as the API allows. */
  readonly perPage?: number
  readonly signal?: AbortSignal
}

/** A list of its own; or one below a parent, which is then to be named. */
type ListOf<All extends EntityDefinition, D extends EntityDefinition> = D['endpoints'] extends { readonly list: string }
  ? <Names extends Include<All, D> = never, Fields extends Field<D> = Field<D>>(
      options?: Listing<D, Names, Fields> & { readonly parent?: Below<D> },
    ) => AsyncIterable<Listed<All, D, Names, Fields>>
  : <Names extends Include<All, D> = never, Fields extends Field<D> = Field<D>>(
      options: Listing<D, Names, Fields> & { readonly parent: Below<D> },
    ) => AsyncIterable<Listed<All, D, Names, Fields>>

/** Names in a path's braces. */
type Params<Path> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | Params<Rest> : never
/** Ids of the parents that a path is below: `{person_id}` is `person`. */
type ParentIds<Path> = { readonly [Name in Params<Path> as Name extends `${infer Parent}_id` ? Parent : never]: string }
type Needed<Ids> = keyof Ids extends never ? [] : [parents: Ids]

type Writable<D extends EntityDefinition> = NonNullable<D['writable']>[number]
/** What a request may set; null takes a value away. An attribute that is not read back, such as `primary_campus_id`, is an id. */
export type Change<D extends EntityDefinition> = {
  readonly [Name in Writable<D>]?: Name extends keyof Attributes<D> ? Attributes<D>[Name] : string | null
}

type UpdatePath<D extends EntityDefinition> = NonNullable<D['endpoints']['update']>['path']
type Has<D extends EntityDefinition, Action extends string> = D['endpoints'] extends { readonly [Name in Action]: unknown }
  ? unknown
  : never

interface Get<D extends EntityDefinition> {
  /** Null when there is none. */
  get(id: string, ...parents: Needed<ParentIds<D['endpoints']['get']>>): Promise<TypedRecord<D> | null>
}
interface Create<D extends EntityDefinition> {
  /** `related`: its parents, and what else it points to. Not repeated when it is unknown whether it was carried out. */
  create(
    change: Change<D>,
    ...related: keyof ParentIds<D['endpoints']['create']> extends never
      ? [related?: Related<D>]
      : [related: Related<D> & ParentIds<D['endpoints']['create']>]
  ): Promise<TypedRecord<D>>
}
interface Update<D extends EntityDefinition> {
  update(id: string, change: Change<D>, ...parents: Needed<ParentIds<UpdatePath<D>>>): Promise<TypedRecord<D>>
}
interface Delete<D extends EntityDefinition> {
  /** False when it was gone already; of one that is gone after an answer was lost, true. */
  delete(id: string, ...parents: Needed<ParentIds<D['endpoints']['delete']>>): Promise<boolean>
}
type If<Condition, Then> = [Condition] extends [never] ? unknown : Then

/** What can be done with one entity: no more than the API offers. */
export type EntityClient<All extends EntityDefinition, D extends EntityDefinition> = {
  /**
   * Each record at least once, and once unless rows move while it is walked; with `where`, `order` or `parent`, one that changes its
   * place meanwhile can be missed. Holds one page in memory.
   */
  readonly list: ListOf<All, D>
} & If<Has<D, 'get'>, Get<D>> &
  If<Has<D, 'create'>, Create<D>> &
  If<Has<D, 'update'>, Update<D>> &
  If<Has<D, 'delete'>, Delete<D>>

export type TypedClient<Definitions extends readonly EntityDefinition[]> = {
  readonly [D in Definitions[number] as CamelCase<D['entity']>]: EntityClient<Definitions[number], D>
} & {
  /** Lets requests under way end, then gives the sockets back. */
  close(): Promise<void>
}
