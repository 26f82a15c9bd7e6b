// What the simulator serves: resources as JSON:API sees them, free of links. Every source and every answer speaks these types.

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

/** The name and the id of another resource; `type` is the vendor's (`PrimaryCampus`, not `campus`). */
export interface Ref {
  readonly type: string
  readonly id: string
}

export type Relation = Ref | readonly Ref[] | null

export interface Resource {
  readonly type: string
  readonly id: string
  readonly attributes: Readonly<Record<string, Json>>
  readonly relationships: Readonly<Record<string, Relation>>
}

/** What a to-one relationship points to. */
export const toOne = (relation: Relation | undefined): Ref | undefined =>
  relation === undefined || relation === null || isMany(relation) ? undefined : relation

// Array.isArray does not narrow readonly arrays.
const isMany = (relation: Ref | readonly Ref[]): relation is readonly Ref[] => Array.isArray(relation)
